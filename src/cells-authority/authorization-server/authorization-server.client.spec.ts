import { HttpService } from '@nestjs/axios';
import { type AuthorityEvent } from '../authority-observer.js';
import { completeOptions } from '../cells-authority.options.js';
import { OAuthError } from '../errors/oauth-error.js';
import { AuthorizationServerClient } from './authorization-server.client.js';
import { TokenEndpoint } from './token-endpoint.js';
import { type UpstreamResponse } from './token-exchange.js';
import { type FailureKind, TransportFailure } from './transport-failure.js';

const TIMEOUT_MS = 8000;
const TOKEN = {
  status: 200,
  retryAfter: undefined,
  body: '{"access_token":"a","token_type":"Bearer","expires_in":60}',
};

describe('AuthorizationServerClient', () => {
  let now: number;
  let events: AuthorityEvent[];
  let sent: { answer(): void }[];
  let client: AuthorizationServerClient;

  beforeEach(() => {
    jest.useFakeTimers();
    now = 1_000_000;
    events = [];
    sent = [];
    const options = completeOptions({ upstreamMaxConnections: 1, upstreamTimeoutMs: TIMEOUT_MS });
    const endpoint = new TokenEndpoint(new HttpService(), options);
    jest.spyOn(endpoint, 'post').mockImplementation(
      () =>
        new Promise((resolve) => {
          sent.push({
            answer: () => {
              resolve(TOKEN);
            },
          });
        }),
    );
    client = new AuthorizationServerClient(
      endpoint,
      options,
      () => now,
      (event) => events.push(event),
    );
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** The status of the outcome of a request that begins now. */
  const request = async (name: string): Promise<number> => {
    const credentials = { clientId: name, clientSecret: 'secret' };
    const asked = { credentials, scope: undefined, client: name, pair: name, origin: name };
    try {
      await client.requestToken(asked, now + TIMEOUT_MS);
      return 200;
    } catch (error) {
      if (error instanceof OAuthError) return error.status;
      throw error;
    }
  };

  const asFarAsItGoes = async () => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };

  it('does not send a request with less than a quarter of its time left', async () => {
    const first = request('first');
    const [inTime, late] = [request('in time'), request('late')];
    await asFarAsItGoes();
    now += 0.75 * TIMEOUT_MS;
    sent[0]?.answer();
    expect(await first).toBe(200);
    await asFarAsItGoes();
    expect(sent).toHaveLength(2);
    now += 1;
    sent[1]?.answer();
    expect(await inTime).toBe(200);
    expect(await late).toBe(504);
    expect(sent).toHaveLength(2);
    expect(events.at(-1)).toEqual({ type: 'not_forwarded', reason: 'waited_too_long' });
  });

  it('reports requests that waited too long, and does not count their timeouts as failures of upstream', async () => {
    const first = request('first');
    const waiting = Array.from({ length: 10 }, (_, nth) => request(`waiting ${nth}`));
    await asFarAsItGoes();
    jest.advanceTimersByTime(0.75 * TIMEOUT_MS);
    now += 0.75 * TIMEOUT_MS;
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => 504));
    expect(events).toEqual(waiting.map(() => ({ type: 'not_forwarded', reason: 'waited_too_long' })));
    sent[0]?.answer();
    expect(await first).toBe(200);
    const next = request('next');
    await asFarAsItGoes();
    sent[1]?.answer();
    expect(await next).toBe(200);
  });
});

const SERVER_ERROR = [502, 'server_error'] as const;
const UNAVAILABLE = 'temporarily_unavailable';
const NO_CERTIFICATE = [...SERVER_ERROR, 'The authorization server has no valid certificate'] as const;
const BUSY = 'The authorization server is not available at the moment';

describe('AuthorizationServerClient, by what becomes of its requests', () => {
  let now: number;
  let events: AuthorityEvent[];
  let posted: Parameters<TokenEndpoint['post']>[];
  let results: (UpstreamResponse | Error)[];
  /** Each request takes this long. */
  let tookMs: number;
  let client: AuthorizationServerClient;

  beforeEach(() => {
    now = 1_000_000;
    events = [];
    posted = [];
    results = [];
    tookMs = 1000;
    const options = completeOptions({ upstreamMaxConnections: 1, upstreamTimeoutMs: TIMEOUT_MS });
    const endpoint = new TokenEndpoint(new HttpService(), options);
    jest.spyOn(endpoint, 'post').mockImplementation((...parameters) => {
      posted.push(parameters);
      now += tookMs;
      const result = results.shift() ?? TOKEN;
      return result instanceof Error && !(result instanceof TransportFailure)
        ? Promise.reject(result)
        : Promise.resolve(result);
    });
    client = new AuthorizationServerClient(
      endpoint,
      options,
      () => now,
      (event) => events.push(event),
    );
  });

  /** `token`, or what the client gets instead. */
  const ask = async (name = 'client', scope?: string): Promise<unknown> => {
    const credentials = { clientId: name, clientSecret: 'p&s' };
    try {
      await client.requestToken({ credentials, scope, client: name, pair: name, origin: name }, now + TIMEOUT_MS);
      return 'token';
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      const { status, error: code, description, retryAfter } = error;
      return retryAfter === undefined ? [status, code, description] : [status, code, description, retryAfter];
    }
  };
  const failed = (kind: FailureKind, unseen = false) => new TransportFailure(kind, unseen, 'CODE');

  it('posts the form of the client credentials grant, with its scope if it has one', async () => {
    await ask();
    await ask('client', 'a b');
    const form = 'grant_type=client_credentials&client_id=client&client_secret=p%26s';
    expect(posted).toEqual([
      [form, TIMEOUT_MS, undefined],
      [`${form}&scope=a%20b`, TIMEOUT_MS, undefined],
    ]);
    const event = { type: 'upstream_request', outcome: 'token', durationMs: 1000, status: 200, retried: false };
    expect(events).toEqual([
      { ...event, client: 'client' },
      { ...event, client: 'client' },
    ]);
  });

  it.each<[FailureKind, readonly [number, string, string]]>([
    ['connect_failed', [...SERVER_ERROR, 'The authorization server cannot be reached']],
    ['name_not_found', [...SERVER_ERROR, 'The authorization server cannot be found']],
    ['connect_timeout', [504, UNAVAILABLE, 'The authorization server cannot be reached in time']],
    ['timeout', [504, UNAVAILABLE, 'The authorization server did not answer in time']],
    ['certificate_expired', NO_CERTIFICATE],
    ['certificate_untrusted', NO_CERTIFICATE],
    ['certificate_wrong_host', NO_CERTIFICATE],
    ['tls_failed', NO_CERTIFICATE],
    ['proxy_unreachable', [...SERVER_ERROR, 'The proxy to the authorization server cannot be reached']],
    ['proxy_auth', [...SERVER_ERROR, 'The proxy to the authorization server refuses the service']],
    ['proxy_refused', [...SERVER_ERROR, 'The proxy cannot connect to the authorization server']],
    ['connection_lost', [...SERVER_ERROR, 'The authorization server broke the connection']],
    ['invalid_response', [...SERVER_ERROR, 'The authorization server gave an answer that cannot be used']],
  ])('says what a failure means: %s', async (kind, answer) => {
    results = [failed(kind)];
    expect(await ask()).toEqual(answer);
    expect(events).toMatchObject([{ outcome: kind, status: undefined, retried: false }]);
  });

  it('sends a request once more, on a new connection, if the first one cannot have been seen', async () => {
    results = [failed('connection_lost', true)];
    expect(await ask()).toBe('token');
    expect(posted.map(([, ...others]) => others)).toEqual([
      [TIMEOUT_MS, undefined],
      [TIMEOUT_MS - 1000, { Connection: 'close' }],
    ]);
    expect(events).toMatchObject([{ outcome: 'token', status: 200, retried: true, durationMs: 2000 }]);
    results = [failed('connect_failed', true), failed('connect_failed', true)];
    expect(await ask()).toEqual([...SERVER_ERROR, 'The authorization server cannot be reached']);
    expect(posted).toHaveLength(4);
  });

  it('does not send it again after its deadline', async () => {
    results = [failed('connection_lost', true)];
    tookMs = TIMEOUT_MS;
    expect(await ask()).toEqual([...SERVER_ERROR, 'The authorization server broke the connection']);
    expect(posted).toHaveLength(1);
  });

  it.each<[FailureKind | number, boolean]>([
    ['connect_failed', true],
    ['name_not_found', true],
    ['connect_timeout', true],
    ['proxy_unreachable', true],
    ['proxy_auth', true],
    ['proxy_refused', true],
    ['certificate_expired', true],
    ['certificate_untrusted', true],
    ['certificate_wrong_host', true],
    ['tls_failed', true],
    ['timeout', false],
    ['connection_lost', false],
    ['invalid_response', false],
    [500, false],
  ])('after 5 times %p opens the circuit for a client that has not failed: %p', async (kind, opens) => {
    const result = typeof kind === 'number' ? { ...TOKEN, status: kind } : failed(kind);
    for (let i = 0; i < 5; i += 1) {
      results = [result];
      await ask(`client ${i % 2}`);
    }
    expect(await ask('another')).toEqual(opens ? [503, UNAVAILABLE, BUSY, 5] : 'token');
    if (opens) expect(events.at(-1)).toEqual({ type: 'not_forwarded', reason: 'circuit_open' });
    if (opens) expect(events).toContainEqual({ type: 'circuit', state: 'open' });
  });

  it.each<[FailureKind | number, boolean]>([
    ['timeout', true],
    ['connection_lost', true],
    [500, true],
    ['invalid_response', false],
    [429, false],
  ])('after %p for three and more clients opens the circuit: %p', async (kind, opens) => {
    const result = typeof kind === 'number' ? { ...TOKEN, status: kind } : failed(kind);
    for (let i = 0; i < 5; i += 1) {
      results = [result];
      await ask(`client ${i % 3}`);
    }
    expect(events.some(({ type }) => type === 'circuit')).toBe(opens);
  });

  it('lets another request try when the trial ended without an outcome', async () => {
    for (let i = 0; i < 5; i += 1) {
      results = [failed('connect_failed')];
      await ask();
    }
    now += 5000;
    results = [new Error('broken')];
    await expect(ask()).rejects.toThrow('broken');
    expect(await ask()).toBe('token');
    expect(events.flatMap((event) => (event.type === 'circuit' ? [event.state] : []))).toEqual([
      'open',
      'half_open',
      'open',
      'half_open',
      'closed',
    ]);
  });

  it('turns away those who wait when the circuit opens, and 16 may wait for a connection', async () => {
    for (let i = 0; i < 4; i += 1) {
      results = [failed('connect_failed')];
      await ask();
    }
    results = [failed('connect_failed')];
    const last = ask();
    const waiting = Array.from({ length: 16 }, () => ask());
    expect(client.waiting).toBe(16);
    expect(await ask()).toEqual([503, UNAVAILABLE, BUSY, 1]);
    expect(events).toContainEqual({ type: 'not_forwarded', reason: 'too_many_waiting' });
    await last;
    for (const answer of await Promise.all(waiting)) expect(answer).toEqual([503, UNAVAILABLE, BUSY, 5]);
    expect([client.waiting, posted.length]).toEqual([0, 5]);
  });

  it('says that a request waited too long', async () => {
    const first = ask();
    const second = ask();
    now += TIMEOUT_MS;
    await first;
    const description = 'No connection to the authorization server was free in time';
    expect(await second).toEqual([504, UNAVAILABLE, description]);
  });
});
