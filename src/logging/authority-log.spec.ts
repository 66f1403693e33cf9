import { pino } from 'pino';
import { type AuthorityEvent, type AuthorityObserver } from '../cells-authority/index.js';
import { authorityLog } from './authority-log.js';

const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn' };

type Line = Readonly<Record<string, unknown>>;

describe('The log of the library’s events', () => {
  let now: number;
  let lines: Line[];

  beforeEach(() => {
    now = 0;
    lines = [];
  });

  function logAt(level: string): AuthorityObserver {
    const stream = {
      write: (text: string) => {
        const { level, ...fields } = JSON.parse(text) as Line;
        lines.push({ ...fields, level: LEVELS[Number(level)], msg: undefined });
      },
    };
    return authorityLog(pino({ level, base: undefined, timestamp: false }, stream), () => now);
  }

  const trouble = (outcome: 'no_answer' | 'refused' | 'tampered'): AuthorityEvent => ({
    type: 'shared_store',
    operation: 'read',
    outcome,
  });

  it('has one line a minute for each kind of Redis trouble, and counts the lines left out', () => {
    const log = logAt('info');
    for (let second = 0; second < 60; second += 1) {
      now = second * 1000;
      log(trouble('no_answer'));
      if (second % 2 === 0) log(trouble('refused'));
    }
    now = 59_999;
    log(trouble('no_answer'));
    const inFirstMinute = lines.length;
    now = 60_000;
    log(trouble('no_answer'));
    log(trouble('tampered'));
    now = 119_999;
    log(trouble('no_answer'));

    const line = { level: 'warn', event: 'shared_store', operation: 'read' };
    expect(inFirstMinute).toBe(2);
    expect(lines).toEqual([
      { ...line, outcome: 'no_answer', omitted: 0 },
      { ...line, outcome: 'refused', omitted: 0 },
      { ...line, outcome: 'no_answer', omitted: 60 },
      { ...line, outcome: 'tampered', omitted: 0 },
    ]);
  });

  it('has a line each time that Redis comes or goes, and none while it works', () => {
    const log = logAt('debug');
    for (const outcome of ['available', 'unavailable', 'available'] as const) {
      log({ type: 'shared_store', operation: 'connection', outcome });
    }
    for (const outcome of ['hit', 'miss', 'done', 'acquired', 'taken', 'bypassed'] as const) {
      log({ type: 'shared_store', operation: 'read', outcome });
    }

    expect(lines.map(({ level, outcome }) => [level, outcome])).toEqual([
      ['info', 'available'],
      ['warn', 'unavailable'],
      ['info', 'available'],
    ]);
  });

  const told: [string, AuthorityEvent][] = [
    ['debug', { type: 'token_served', source: 'kept' }],
    ['debug', { type: 'evicted' }],
    ['debug', { type: 'refresh', outcome: 'renewed' }],
    ['warn', { type: 'refresh', outcome: 'failed' }],
    ['warn', { type: 'circuit', state: 'open' }],
    ['warn', { type: 'circuit', state: 'half_open' }],
    ['warn', { type: 'circuit', state: 'closed' }],
    ['warn', { type: 'held', reason: 'refused', seconds: 5, client: 'f00dCAFE' }],
    ['info', { type: 'answered_from_hold', reason: 'throttled', client: 'f00dCAFE' }],
    ['warn', { type: 'guessing_slowed', scope: 'address', seconds: 600, client: 'f00dCAFE', network: '192.0.2.1' }],
    ['warn', { type: 'not_forwarded', reason: 'circuit_open' }],
  ];

  it.each(told)('has a line at %s with all that is told of %j', (level, event) => {
    logAt('debug')(event);

    const { type, ...fields } = event;
    expect(lines).toEqual([{ level, event: type, ...fields }]);
  });

  it('rounds durations, and warns of upstream requests that brought no token', () => {
    const log = logAt('info');
    const request = { type: 'upstream_request', durationMs: 12.6, status: 200, retried: false, client: 'f00dCAFE' };
    log({ ...request, type: 'upstream_request', outcome: 'token' });
    log({ ...request, type: 'upstream_request', outcome: 'upstream_error', status: 500, retried: true });

    expect(lines).toEqual([
      expect.objectContaining({ level: 'info', event: 'upstream_request', outcome: 'token', durationMs: 13 }),
      expect.objectContaining({ level: 'warn', outcome: 'upstream_error', status: 500, retried: true }),
    ]);
  });

  it('leaves out very frequent events, unless at debug', () => {
    const log = logAt('info');
    for (const [level, event] of told) if (level === 'debug') log(event);

    expect(lines).toEqual([]);
  });

  it('has a few lines a minute about a held client that keeps asking, and still has failures', () => {
    const log = logAt('info');
    const client = 'f00dCAFE';
    const answered = (outcome: 'invalid_client' | 'server_error', status: number): AuthorityEvent => ({
      type: 'token_request',
      path: 'connect/token',
      credentialForm: 'form',
      outcome,
      status,
      durationMs: 1,
      client,
      requestId: 'a-1',
    });
    for (let i = 0; i < 1000; i += 1) {
      log({ type: 'answered_from_hold', reason: 'refused', client });
      log(answered('invalid_client', 400));
      log({ type: 'guessing_slowed', scope: 'address', seconds: 600, client, network: '192.0.2.1' });
    }
    log(answered('server_error', 502));

    expect(lines).toHaveLength(3 * 5 + 1);
    expect(lines.at(-1)).toMatchObject({ level: 'warn', status: 502 });
  });
});
