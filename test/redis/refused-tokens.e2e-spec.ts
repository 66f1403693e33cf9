import { AsposeLimits } from '../support/aspose-limits.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { Instance, until } from './instances.js';

const CLIENT = ['refused-token-client', 'refused-token-secret'] as const;

describeWithRedis('A token that was refused', () => {
  let upstream: AsposeLimits;
  let redis: RedisServer;

  beforeAll(async () => {
    upstream = await AsposeLimits.start({ clients: [CLIENT] });
    redis = await RedisServer.start();
  });
  afterAll(async () => {
    await upstream.close();
    await redis.kill();
  });

  it('is dropped for all instances, whichever issued it, and a made-up one drops nothing', async () => {
    const options = { upstreamTokenUrl: upstream.tokenUrl, redisUrl: redis.url };
    const instances = await Promise.all([Instance.start(options), Instance.start(options), Instance.start(options)]);
    const [issuer, other, third] = instances;
    try {
      for (const instance of instances) await instance.connected();
      const [clientId, clientSecret] = CLIENT;
      const { serial, body } = await issuer.ask(clientId, clientSecret);
      const token = (JSON.parse(body) as { access_token: string }).access_token;
      await until(async () => (await keys()).length === 2);

      expect(other.service.invalidate('made-up')).toBe(false);
      expect(other.service.invalidate(`${token}x`)).toBe(false);
      await until(() => other.outcomes('read').length === 0);
      expect(await keys()).toHaveLength(2);

      expect(other.service.invalidate(token)).toBe(false);
      await until(async () => (await keys()).length === 0);
      expect((await third.ask(clientId, clientSecret)).serial).not.toBe(serial);
    } finally {
      await Promise.all(instances.map((instance) => instance.close()));
    }
  });

  async function keys(): Promise<string[]> {
    const all = (await redis.command('KEYS', '*')) as string[];
    return all.filter((key) => /^ca:(?:token|issued):/.test(key));
  }
});
