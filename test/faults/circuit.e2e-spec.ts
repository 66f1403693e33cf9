import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange, type WireReply } from '../support/http-exchange.js';
import { type Exchange, type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { type RunningService, startService } from '../support/service.js';
import { answerToken, reset } from '../support/upstream-scripts.js';
import { KeepAliveClient } from './load.js';

const PATH = '/v4.0/cells/connect/token';

const form = (id: string) => `client_id=${id}&client_secret=secret-of-${id}`;
const ask = (service: RunningService, id: string): Promise<WireReply> =>
  exchange(service.origin, { path: `${PATH}?${form(id)}` });

/** Waits until the condition holds, or until the test's time limit. */
async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

async function circuitStates(service: RunningService): Promise<Record<string, string>> {
  const { body } = await exchange(service.origin, { path: '/metrics', method: 'GET' });
  return Object.fromEntries(
    [...body.matchAll(/^cells_authority_circuit_state\{state="(\w+)"\} (\d)$/gm)].map(([, state = '', on = '']) => [
      state,
      on,
    ]),
  );
}

/** The service's clock: the test decides when the circuit opens and lets a trial through, on any machine. */
let now = 1_000_000;
beforeAll(() => {
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});
afterAll(() => {
  jest.restoreAllMocks();
});

describe('14: the circuit', () => {
  let upstream: ScriptedServer;
  let service: RunningService;
  let script: (exchange: Exchange) => void = answerToken;

  beforeAll(async () => {
    upstream = await startScriptedServer((exchangeWithUs) => {
      script(exchangeWithUs);
    });
    service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, DOCS: 'off' });
  });
  afterAll(async () => {
    await service.close();
    await upstream.close();
  });

  it('opens on a dead upstream, probes with one request, and closes when that succeeds', async () => {
    expect((await ask(service, 'kept')).status).toBe(200);
    script = reset;
    for (let nth = 0; nth < 6; nth += 1) {
      expect((await ask(service, `dead-${nth}`)).status).toBe(502);
      now += 200;
    }
    expect(await circuitStates(service)).toMatchObject({ open: '1', closed: '0' });

    // A cold client is answered without a request to upstream; kept tokens are served.
    const before = upstream.requests.length;
    const client = new KeepAliveClient();
    for (let nth = 0; nth < 51; nth += 1) {
      const { status, body } = await client.post(service.origin, PATH, form(`cold-${nth}`));
      expect(status).toBe(503);
      expect(JSON.parse(body).error).toBe('temporarily_unavailable');
    }
    expect(Number((await ask(service, 'cold')).headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect((await ask(service, 'kept')).status).toBe(200);
    expect(upstream.requests).toHaveLength(before);

    // Half open: of 50 at once a single one is the trial, and until it ends the others are refused.
    now += 5000;
    const waiting: Exchange[] = [];
    script = (exchangeWithUs) => waiting.push(exchangeWithUs);
    const statuses: number[] = [];
    const trials = Array.from({ length: 50 }, async (_, nth) => {
      statuses.push((await ask(service, `trial-${nth}`)).status);
    });
    await eventually(() => waiting.length === 1 && statuses.length === 49);
    expect(statuses).toEqual(Array.from({ length: 49 }, () => 503));
    expect(await circuitStates(service)).toMatchObject({ half_open: '1', open: '0' });
    script = answerToken;
    for (const exchangeWithUs of waiting) answerToken(exchangeWithUs);
    await Promise.all(trials);
    expect(statuses.at(-1)).toBe(200);
    expect(upstream.requests).toHaveLength(before + 1);

    expect((await ask(service, 'cold-again')).status).toBe(200);
    expect(await circuitStates(service)).toMatchObject({ closed: '1', open: '0', half_open: '0' });
    client.close();
  });
});

describe('14: the bulkhead', () => {
  it('lets a bounded number of requests wait, and refuses the others at once; kept tokens are served', async () => {
    const held: Exchange[] = [];
    const upstream = await startScriptedServer((exchangeWithUs) => {
      if (exchangeWithUs.request.body.includes('kept')) answerToken(exchangeWithUs);
      else held.push(exchangeWithUs);
    });
    const service = await startService({
      UPSTREAM_TOKEN_URL: upstream.tokenUrl,
      UPSTREAM_MAX_CONNECTIONS: '1',
      DOCS: 'off',
    });
    expect((await ask(service, 'kept')).status).toBe(200);

    // One request is under way and 16 wait. The other 20 are answered before them. Then the time of all is up.
    const answers: WireReply[] = [];
    const crowd = Array.from({ length: 37 }, async (_, nth) => answers.push(await ask(service, `crowd-${nth}`)));
    await eventually(() => answers.length >= 20);
    expect((await ask(service, 'kept')).status).toBe(200);
    now += 60_000;
    held.forEach(answerToken);
    await Promise.all(crowd);
    const [turnedAway, sent, timedOut] = [answers.slice(0, 20), answers.slice(20, 21), answers.slice(21)];

    expect(turnedAway.map(({ status, headers }) => [status, headers['retry-after']])).toEqual(
      turnedAway.map(() => [503, '1']),
    );
    expect(sent.map(({ status }) => status)).toEqual([200]);
    expect(timedOut.map(({ status }) => status)).toEqual(timedOut.map(() => 504));
    expect(upstream.requests).toHaveLength(2);
    await service.close();
    await upstream.close();
  });
});

describe('A working upstream', () => {
  it('is not considered down because it refuses', async () => {
    const upstream = await AsposeLimits.start();
    const service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, DOCS: 'off' });
    const statuses = new Set<number>();
    for (let nth = 0; nth < 8; nth += 1) {
      statuses.add((await ask(service, `nobody-${nth}`)).status);
      now += 160;
    }
    expect([...statuses]).toEqual([400]);
    await service.close();
    await upstream.close();
  });
});
