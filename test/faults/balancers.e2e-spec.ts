import { setTimeout as delay } from 'node:timers/promises';
import { HttpUpstream } from '../gateway/test-gateway.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { type BuiltService, buildOnce, startBuiltService } from '../support/built-service.js';
import { closedPort } from '../support/closed-port.js';
import { rawRequest } from '../support/raw-client.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { type BalancerName, DocumentedBalancer } from './documented-balancer.js';
import { KeepAliveClient, type LoadReply, loadUntil } from './load.js';
import { settled } from './resources.js';

const SECRET = 'secret-behind-the-balancer';
const PER_SECOND = 150;
const MOST_UNDER_WAY = 100;
const CLIENTS = Array.from({ length: 20 }, (_, i): [string, string] => [`client-${i}`, SECRET]);

jest.setTimeout(180_000);

const BALANCERS = (['nginx', 'haproxy'] as const).filter((name) => DocumentedBalancer.isAvailable(name));

describeWithRedis('Three processes behind', () => {
  let redis: RedisServer;
  let upstream: AsposeLimits;
  let cellsApi: HttpUpstream;

  beforeAll(async () => {
    await buildOnce();
    redis = await RedisServer.start();
    cellsApi = await HttpUpstream.start((request, response) => {
      request.resume().on('end', () => response.end('{}'));
    });
  }, 150_000);
  beforeEach(async () => {
    await redis.command('FLUSHALL');
    upstream = await AsposeLimits.start({ clients: CLIENTS, record: false });
  });
  afterEach(() => upstream.close());
  afterAll(async () => {
    await redis.kill();
    await cellsApi.close();
  });

  const startInstance = (port: number) =>
    startBuiltService({
      env: {
        PORT: String(port),
        TRUST_PROXY: '127.0.0.1',
        UPSTREAM_TOKEN_URL: upstream.tokenUrl,
        CELLS_API_URL: cellsApi.origin,
        TOKEN_CACHE: 'redis',
        REDIS_URL: redis.url,
        TOKEN_CACHE_SECRET: 'x'.repeat(32),
        DOCS: 'off',
        // As it is by default.
        SHUTDOWN_NOTICE_MS: '5000',
      },
    });

  /** Runs three instances behind a balancer, and gives back all that the balancer wrote. */
  async function behind(
    name: BalancerName,
    run: (origin: string, instances: (BuiltService & { port: number })[]) => Promise<void>,
  ): Promise<string> {
    const ports = [await closedPort(), await closedPort(), await closedPort()] as const;
    const instances = await Promise.all(ports.map(async (port) => Object.assign(await startInstance(port), { port })));
    const balancer = await DocumentedBalancer.start(name, ports);
    await run(balancer.origin, instances);
    // Requests are logged in their order: with the line of one more, all lines are there.
    const healthy = () => balancer.written().split(' other 200 ').length;
    const before = healthy();
    await (await fetch(`${balancer.origin}/health/live`)).text();
    await settled(() => healthy() > before);
    const written = await balancer.close();
    await Promise.all(instances.map((instance) => instance.stop()));
    return written;
  }

  /** Waits until the balancer has found that an instance is back. */
  async function untilUsed(port: number): Promise<void> {
    for (;;) {
      const metrics = await fetch(`http://127.0.0.1:${port}/metrics`);
      if (/^cells_authority_requests_total\{[^}]*outcome="token"[^}]*\} [1-9]/m.test(await metrics.text())) return;
      await delay(50);
    }
  }

  it.each(BALANCERS)('%s lose no request while they are restarted one after the other under load', async (name) => {
    const outcomes = new Map<string, number>();
    await behind(name, async (origin, instances) => {
      const client = new KeepAliveClient();
      const underWay = new Set<Promise<void>>();
      const done = new AbortController();
      const send = async (nth: number): Promise<LoadReply> => {
        const [id] = CLIENTS[nth % CLIENTS.length] ?? [''];
        const form = new URLSearchParams({ client_id: id, client_secret: SECRET }).toString();
        if (nth % 10 === 0) return client.get(origin, '/v4.0/cells/storage/disc');
        if (nth % 10 === 1) return client.post(origin, '/v4.0/cells/import', form);
        return client.post(origin, '/v4.0/cells/connect/token', form);
      };
      const load = loadUntil(
        PER_SECOND,
        () => done.signal.aborted,
        (nth) => {
          if (underWay.size >= MOST_UNDER_WAY) return;
          const count = (outcome: unknown) =>
            void outcomes.set(String(outcome), (outcomes.get(String(outcome)) ?? 0) + 1);
          const sent = send(nth).then(({ status, body }) => {
            count(status === 200 ? status : `${status} of request ${nth % 10}: ${body.slice(0, 200)}`);
          }, count);
          underWay.add(sent);
          void sent.finally(() => underWay.delete(sent));
        },
      );
      await settled(() => (outcomes.get('200') ?? 0) > PER_SECOND);
      for (const [nth, instance] of instances.entries()) {
        expect(await instance.stop()).toBe(0);
        instances[nth] = Object.assign(await startInstance(instance.port), { port: instance.port });
        await untilUsed(instance.port);
      }
      done.abort();
      await load;
      await Promise.all(underWay);
      client.close();
    });

    expect([...outcomes].filter(([outcome]) => outcome !== '200')).toEqual([]);
    expect(outcomes.get('200')).toBeGreaterThan(PER_SECOND * 15);
  });

  it.each(BALANCERS)(
    '%s log no secret, show no metrics, and forward a wrong pair no more often than one process does',
    async (name) => {
      const forwards: number[] = [];
      const log = await behind(name, async (origin) => {
        const { port } = new URL(origin);
        const query = `client_id=client-0&client_secret=${SECRET}`;
        const targets = [
          `/v4.0/cells/connect/token?${query}`,
          `/v4.0/cells/connect/token/?${query}`,
          `/V4.0/Cells/Connect/Token?${query}`,
          `/connect/token%20?${query}`,
          `/connect/token%3F${query}`,
          `/connect/token ${query}`,
          `/${SECRET}?${query}`,
          `http://127.0.0.1/connect/token?${query}`,
          `/connect/token?${query}&filler=${'x'.repeat(40_000)}`,
        ];
        for (const target of targets) {
          await rawRequest(
            Number(port),
            `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
          );
        }
        await rawRequest(Number(port), `${SECRET} /?${query}\r\n\r\n`);
        for (const path of ['/metrics', '/metrics/', '//metrics', '/%6Detrics', '/METRICS', '/metrics?x']) {
          const response = await fetch(origin + path);
          expect({ path, metrics: (await response.text()).includes('cells_authority_') }).toEqual({
            path,
            metrics: false,
          });
          expect(response.status).toBeGreaterThanOrEqual(400);
        }
        // Without Redis each process would forward each pair once. A busy machine may bypass Redis for a moment.
        for (let nth = 0; nth < 5 && !forwards.includes(1); nth += 1) {
          const pair = ['client-1', `wrong-${name}-${nth}`] as const;
          const body = new URLSearchParams({ client_id: pair[0], client_secret: pair[1] });
          for (let i = 0; i < 12; i += 1) {
            await (await fetch(`${origin}/connect/token`, { method: 'POST', body })).text();
          }
          forwards.push(upstream.count(...pair).requests);
        }
      });

      expect(forwards.at(-1)).toBe(1);
      expect(log).toMatch(/ token 200 /);
      expect(log).toMatch(/ 41[04] | 400 /);
      expect(log).not.toContain(SECRET);
      expect(log).not.toContain('client_secret');
    },
  );
});
