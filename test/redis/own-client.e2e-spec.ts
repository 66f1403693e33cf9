import { Cluster, Redis } from 'ioredis';
import { type RedisClient } from '../../src/cells-authority/index.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { closedPort } from '../support/closed-port.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { Instance, until } from './instances.js';

const CLIENT = 'client';
const SECRET = 'secret-of-the-client';
const CLUSTER_OF_ONE = [
  ['cluster-enabled', 'yes'],
  ['cluster-announce-ip', '127.0.0.1'],
];

describeWithRedis("A host's own client of Redis", () => {
  let upstream: AsposeLimits;

  beforeEach(async () => {
    upstream = await AsposeLimits.start({ clients: [[CLIENT, SECRET]] });
  });

  afterEach(() => upstream.close());

  const clients: [string, string[][], (server: RedisServer) => Redis | Cluster][] = [
    ['a client that connects by itself', [], ({ url }) => new Redis(url)],
    ['a client with a key prefix', [], ({ url }) => new Redis(url, { keyPrefix: 'host:' })],
    ['a Cluster', CLUSTER_OF_ONE, ({ url }) => new Cluster([url])],
  ];
  it.each(clients)('is used as it is, and stays open: %s', async (name, settings, connect) => {
    const ports = settings.length > 0 ? [['cluster-port', String(await closedPort())]] : [];
    const server = await RedisServer.start({ settings: [...settings, ...ports] });
    if (name === 'a Cluster') {
      await server.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
      await until(async () => String(await server.command('CLUSTER', 'INFO')).includes('cluster_state:ok'));
    }
    const redis = connect(server);
    const listeners = redis.listenerCount('close');
    try {
      const [one, two] = await Promise.all([start(redis), start(redis)]);
      const first = await one.ask(CLIENT, SECRET);
      await until(() => one.outcomes('write').includes('done'));
      const second = await two.ask(CLIENT, SECRET);

      expect([first.serial, second.serial]).toEqual([1, 1]);
      expect(upstream.requestCount).toBe(1);
      await Promise.all([one.close(), two.close()]);
      expect(await redis.ping()).toBe('PONG');
      // A Cluster has added its own.
      expect(redis.listenerCount('close')).toBeLessThanOrEqual(listeners + 1);
    } finally {
      redis.disconnect();
      await server.kill();
    }
  });

  it('may come back: the module goes on without it', async () => {
    const server = await RedisServer.start();
    const redis = new Redis(server.url, { retryStrategy: () => 20 });
    redis.on('error', () => undefined);
    const one = await start(redis);
    try {
      await server.kill();
      expect((await one.ask(CLIENT, SECRET)).serial).toBe(1);
    } finally {
      await one.close();
      redis.disconnect();
    }
  });

  it.each([
    [{ tokenCache: 'memory' as const }, "redis needs tokenCache 'redis'"],
    [{ redis: {} as RedisClient }, 'redis must be a client or Cluster of ioredis'],
  ])('is refused where it makes no sense', async (options, complaint) => {
    const redis = new Redis({ lazyConnect: true });

    await expect(Instance.start({ redis, ...options })).rejects.toThrow(complaint);
  });

  async function start(redis: Redis | Cluster): Promise<Instance> {
    return (await Instance.start({ upstreamTokenUrl: upstream.tokenUrl, redis })).connected();
  }
});
