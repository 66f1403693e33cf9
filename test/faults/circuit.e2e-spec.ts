import { setTimeout as delay } from 'node:timers/promises';
import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange, type WireReply } from '../support/http-exchange.js';
import { type Exchange, type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { type RunningService, startService } from '../support/service.js';
import { answerNothing, answerToken, reset } from '../support/upstream-scripts.js';
import { KeepAliveClient } from './load.js';
import { settled } from './resources.js';

const PATH = '/v4.0/cells/connect/token';
const AT_ONCE_MS = 10;

const form = (id: string) => `client_id=${id}&client_secret=secret-of-${id}`;
const ask = (service: RunningService, id: string): Promise<WireReply> =>
  exchange(service.origin, { path: `${PATH}?${form(id)}` });

async function circuitStates(service: RunningService): Promise<Record<string, string>> {
  const { body } = await exchange(service.origin, { path: '/metrics', method: 'GET' });
  return Object.fromEntries(
    [...body.matchAll(/^cells_authority_circuit_state\{state="(\w+)"\} (\d)$/gm)].map(([, state = '', on = '']) => [
      state,
      on,
    ]),
  );
}

// The bounds are the contract's, in real time; a run that the machine has starved of it is run again.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

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
    let opened = false;
    for (let nth = 0; !opened; nth += 1) {
      const { status } = await ask(service, `dead-${nth}`);
      opened = status === 503;
      await delay(200);
    }
    expect(await circuitStates(service)).toMatchObject({ open: '1', closed: '0' });

    // A cold client is answered at once, and upstream hears nothing of it; kept tokens are served.
    const before = upstream.requests.length;
    const client = new KeepAliveClient();
    await client.post(service.origin, PATH, form('cold'));
    const times: number[] = [];
    for (let nth = 0; nth < 51; nth += 1) {
      const started = performance.now();
      const { status, body } = await client.post(service.origin, PATH, form(`cold-${nth}`));
      times.push(performance.now() - started);
      expect(status).toBe(503);
      expect(JSON.parse(body).error).toBe('temporarily_unavailable');
    }
    expect(times.sort((a, b) => a - b)[25]).toBeLessThan(AT_ONCE_MS);
    expect(Number((await ask(service, 'cold')).headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect((await ask(service, 'kept')).status).toBe(200);
    expect(upstream.requests).toHaveLength(before);

    // Half open: of 50 at once a single one tries, and as long as it does, the others are refused.
    const waiting: Exchange[] = [];
    script = (exchangeWithUs) => waiting.push(exchangeWithUs);
    const tried: Promise<WireReply>[] = [];
    while (waiting.length === 0) {
      tried.push(...Array.from({ length: 50 }, (_, nth) => ask(service, `trial-${tried.length + nth}`)));
      await delay(200);
    }
    expect(waiting).toHaveLength(1);
    expect(await circuitStates(service)).toMatchObject({ half_open: '1', open: '0' });
    script = answerToken;
    for (const exchangeWithUs of waiting) answerToken(exchangeWithUs);
    const statuses = (await Promise.all(tried)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);

    expect((await ask(service, 'cold-again')).status).toBe(200);
    expect(await circuitStates(service)).toMatchObject({ closed: '1', open: '0', half_open: '0' });
    client.close();
  });
});

describe('14: the bulkhead', () => {
  it('lets a bounded number wait, and turns the others away at once; kept tokens are served', async () => {
    const upstream = await startScriptedServer((exchangeWithUs) => {
      if (exchangeWithUs.request.body.includes('kept')) answerToken(exchangeWithUs);
      else answerNothing(exchangeWithUs);
    });
    const service = await startService({
      UPSTREAM_TOKEN_URL: upstream.tokenUrl,
      UPSTREAM_MAX_CONNECTIONS: '1',
      UPSTREAM_TIMEOUT_MS: '1500',
      DOCS: 'off',
    });
    expect((await ask(service, 'kept')).status).toBe(200);

    const started = performance.now();
    const crowd = Array.from({ length: 17 }, (_, nth) => ask(service, `crowd-${nth}`));
    await settled(() => upstream.requests.length === 2);
    await delay(100);
    const late = await Promise.all(Array.from({ length: 20 }, (_, nth) => ask(service, `late-${nth}`)));

    expect(performance.now() - started).toBeLessThan(1400);
    expect(late.map(({ status, headers }) => [status, headers['retry-after']])).toEqual(late.map(() => [503, '1']));
    expect((await ask(service, 'kept')).status).toBe(200);
    expect((await Promise.all(crowd)).map(({ status }) => status)).toEqual(crowd.map(() => 504));
    await service.close();
    await upstream.close();
  });
});

describe('An upstream that is well', () => {
  it('is not taken for dead because it refuses', async () => {
    const upstream = await AsposeLimits.start();
    const service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, DOCS: 'off' });
    const statuses = new Set<number>();
    for (let nth = 0; nth < 8; nth += 1) {
      statuses.add((await ask(service, `nobody-${nth}`)).status);
      await delay(160);
    }
    expect([...statuses]).toEqual([400]);
    await service.close();
    await upstream.close();
  });
});
