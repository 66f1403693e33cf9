import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { AsposeLimits } from '../support/aspose-limits.js';
import { type BuiltService, buildOnce, startBuiltService } from '../support/built-service.js';
import { RawClient } from '../support/raw-client.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { answerNothing } from '../support/upstream-scripts.js';
import { KeepAliveClient, type LoadReply, loadUntil } from './load.js';
import { settled } from './resources.js';

const CLIENTS = Array.from({ length: 50 }, (_, i) => [`client-${i}`, `secret-of-client-${i}`] as const);
const PATH = '/v4.0/cells/connect/token';
/** Far longer than any stop takes here, to see whether a stop waits for all of it. */
const GRACE_MS = 60_000;
const WELL_WITHIN_GRACE_MS = 40_000;
const PER_SECOND = 500;
const MOST_UNDER_WAY = 60;

jest.setTimeout(120_000);

const form = (nth: number): string => {
  const [id, secret] = CLIENTS[nth % CLIENTS.length] ?? ['', ''];
  return new URLSearchParams({ client_id: id, client_secret: secret }).toString();
};

function post(body: string): string {
  return (
    `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

const portOf = ({ origin }: BuiltService) => Number(new URL(origin).port);

describe('Stopping', () => {
  let upstream: AsposeLimits;
  const start = (settings: Record<string, string> = {}) =>
    startBuiltService({
      env: {
        UPSTREAM_TOKEN_URL: upstream.tokenUrl,
        SHUTDOWN_GRACE_MS: String(GRACE_MS),
        // A busy machine takes a while to let the client see it.
        SHUTDOWN_NOTICE_MS: '5000',
        LOG_LEVEL: 'info',
        DOCS: 'off',
        ...settings,
      },
    });

  beforeAll(async () => {
    await buildOnce();
    upstream = await AsposeLimits.start({ clients: CLIENTS, latencyMs: 100, record: false });
  }, 120_000);
  afterAll(() => upstream.close());

  it('on SIGTERM under load: not ready first, everything answered, idle connections closed, exit code 0', async () => {
    const service = await start({ TOKEN_CACHE: 'off' });
    const client = new KeepAliveClient();
    const replies: LoadReply[] = [];
    const sentWhileStopping: LoadReply[] = [];
    const failures: unknown[] = [];
    const underWay = new Set<Promise<void>>();
    let stopping = false;
    let notReady = false;
    const load = loadUntil(
      PER_SECOND,
      () => notReady,
      (nth) => {
        // On a machine too slow for the load, requests would pile up here and set out when nobody listens any more.
        if (underWay.size >= MOST_UNDER_WAY) return;
        const sentTo = stopping ? sentWhileStopping : replies;
        const reply = client.post(service.origin, PATH, form(nth)).then(
          (got) => void sentTo.push(got),
          (error: unknown) => void failures.push(error),
        );
        underWay.add(reply);
        void reply.finally(() => underWay.delete(reply));
      },
    );
    const idle = new RawClient(portOf(service));
    idle.send('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n');
    await idle.next();
    await settled(() => replies.length > PER_SECOND / 2);

    const started = performance.now();
    service.process.kill('SIGTERM');
    const exited = once(service.process, 'exit');
    // A load balancer sees that it is not ready, and only then sends no more.
    const probe = new KeepAliveClient();
    while (!notReady) {
      const { status } = await probe.get(service.origin, '/health/ready');
      stopping = status === 503;
      if (stopping) await settled(() => sentWhileStopping.length > 0);
      notReady = stopping;
    }
    await load;
    await Promise.all(underWay);
    const [code] = (await exited) as [number];

    expect(failures).toEqual([]);
    expect([...replies, ...sentWhileStopping].filter(({ status }) => status !== 200)).toEqual([]);
    expect(sentWhileStopping.filter(({ connection }) => connection !== 'close')).toEqual([]);
    expect((await idle.ended()).ending).toBe('FIN');
    expect(code).toBe(0);
    expect(performance.now() - started).toBeLessThan(WELL_WITHIN_GRACE_MS);
    client.close();
    probe.close();
  });

  it('tells clients that cannot be answered in time to try again', async () => {
    const silent = await startScriptedServer(answerNothing);
    const service = await start({ UPSTREAM_TOKEN_URL: silent.tokenUrl, SHUTDOWN_GRACE_MS: '1000' });
    const waiting = new RawClient(portOf(service));
    waiting.send(post(form(0)));
    await settled(() => silent.requests.length === 1);

    const started = performance.now();
    const code = await service.stop();
    const { ending, chunks } = await waiting.ended();

    expect(code).toBe(0);
    // The request itself would have waited for 8 s.
    expect(performance.now() - started).toBeLessThan(6000);
    expect(ending).toBe('FIN');
    const reply = chunks.map(({ chunk }) => chunk.toString()).join('');
    expect(reply).toMatch(/^HTTP\/1\.1 503 /);
    expect(reply).toMatch(/\r\nRetry-After: 1\r\n/i);
    expect(reply).toMatch(/\r\nConnection: close\r\n/i);
    expect(reply).toContain('temporarily_unavailable');
    await silent.close();
  });

  it('is not held up by connections that send nothing or half a request', async () => {
    const service = await start();
    const clients = [new RawClient(portOf(service)), new RawClient(portOf(service))];
    clients[1]?.send('POST / HTTP/1.1\r\nHost');
    await Promise.all(clients.map(({ socket }) => once(socket, 'connect')));
    const probe = new KeepAliveClient();
    await probe.get(service.origin, '/health/live');

    const started = performance.now();
    expect(await service.stop()).toBe(0);

    expect(performance.now() - started).toBeLessThan(WELL_WITHIN_GRACE_MS);
    for (const client of clients) await client.ended();
    probe.close();
  });

  it('goes on serving until load balancers notice, but not for a terminal', async () => {
    const service = await start({ SHUTDOWN_NOTICE_MS: '1500' });
    const probe = new KeepAliveClient();
    const stopped = once(service.process, 'exit');
    service.process.kill('SIGTERM');
    let refusedAfter = 0;
    while ((await probe.get(service.origin, '/health/ready')).status !== 503) await delay(10);
    const notReadyAt = performance.now();
    for (;;) {
      const served = await probe.get(service.origin, '/health/live').catch(() => undefined);
      if (served === undefined) break;
      expect(served.status).toBe(200);
      refusedAfter = performance.now() - notReadyAt;
      await delay(10);
    }
    expect(refusedAfter).toBeGreaterThan(1000);
    expect(await stopped).toEqual([0, null]);
    probe.close();

    const interrupted = await start({ SHUTDOWN_NOTICE_MS: String(GRACE_MS) });
    const exited = once(interrupted.process, 'exit');
    const interruptedAt = performance.now();
    interrupted.process.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
    // With notice it would take half of the grace period.
    expect(performance.now() - interruptedAt).toBeLessThan(GRACE_MS / 2);
  });

  it('ends gracefully when its terminal is closed', async () => {
    const service = await start({ SHUTDOWN_NOTICE_MS: '0' });
    const exited = once(service.process, 'exit');
    service.process.kill('SIGHUP');

    expect(await exited).toEqual([0, null]);
    expect(service.output()).toContain('"signal":"SIGHUP"');
    expect(service.output()).toContain('"event":"stopped"');
  });

  it('ends at once on a second signal', async () => {
    const service = await start();
    const exited = once(service.process, 'exit');
    service.process.kill('SIGTERM');
    const probe = new KeepAliveClient();
    while ((await probe.get(service.origin, '/health/ready')).status !== 503) await delay(10);

    const started = performance.now();
    service.process.kill('SIGTERM');
    const [code] = (await exited) as [number];

    expect(code).toBe(1);
    expect(performance.now() - started).toBeLessThan(WELL_WITHIN_GRACE_MS);
    probe.close();
  });

  it('loses no request while three instances are restarted one after the other', async () => {
    const settings = { SHUTDOWN_GRACE_MS: '20000' };
    const instances = await Promise.all([start(settings), start(settings), start(settings)]);
    const ready = new Set(instances.map(({ origin }) => origin));
    const client = new KeepAliveClient();
    const probe = new KeepAliveClient();
    const outcomes: unknown[] = [];
    const underWay = new Set<Promise<void>>();
    const done = new AbortController();

    // As load balancers do: if an instance no longer listens, nothing was sent and the next one is tried.
    const balanced = async (nth: number): Promise<LoadReply> => {
      const origin = [...ready][nth % ready.size] ?? '';
      try {
        return await client.post(origin, PATH, form(nth));
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED')) throw error;
        ready.delete(origin);
        return balanced(nth);
      }
    };
    const probing = (async () => {
      while (!done.signal.aborted) {
        for (const { origin } of instances) {
          const status = await probe.get(origin, '/health/ready').then(
            (reply) => reply.status,
            () => 0,
          );
          if (status === 200) ready.add(origin);
          else ready.delete(origin);
        }
        await delay(50);
      }
    })();
    const load = loadUntil(
      PER_SECOND,
      () => done.signal.aborted,
      (nth) => {
        if (underWay.size >= MOST_UNDER_WAY) return;
        const sent = balanced(nth).then(
          ({ status }) => void outcomes.push(status),
          (error: unknown) => void outcomes.push(error),
        );
        underWay.add(sent);
        void sent.finally(() => underWay.delete(sent));
      },
    );

    for (let i = 0; i < instances.length; i += 1) {
      expect(await instances[i]?.stop()).toBe(0);
      const restarted = await start(settings);
      instances[i] = restarted;
      await settled(() => ready.has(restarted.origin));
    }
    done.abort();
    await Promise.all([load, probing]);
    await Promise.all(underWay);
    client.close();
    probe.close();
    await Promise.all(instances.map((instance) => instance.stop()));

    expect(outcomes.length).toBeGreaterThan(PER_SECOND);
    expect(outcomes.filter((outcome) => outcome !== 200)).toEqual([]);
  });
});
