import { AsposeLimits } from '../support/aspose-limits.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { CACHE_SECRET, Instance, until } from './instances.js';

const SECRET = 'c1f0a9d4e2b34f7795a6c1f0a9d4e2b3';

describeWithRedis('Instances that share a Redis', () => {
  let redis: RedisServer;
  let upstream: AsposeLimits;
  let instances: Instance[];
  let one: Instance;
  let two: Instance;

  beforeAll(async () => {
    redis = await RedisServer.start();
  });

  afterAll(() => redis.kill());

  beforeEach(async () => {
    await redis.command('FLUSHALL');
    upstream = await AsposeLimits.start({ clients: [['client', SECRET]], record: false });
    instances = [];
    one = await start();
    two = await start();
  });

  afterEach(async () => {
    await Promise.all(instances.map((instance) => instance.close()));
    await upstream.close();
  });

  async function start(options: object = {}): Promise<Instance> {
    const instance = await Instance.start({ upstreamTokenUrl: upstream.tokenUrl, redisUrl: redis.url, ...options });
    instances.push(instance);
    return instance.connected();
  }

  const written = (count = 1) =>
    until(async () => ((await redis.command('KEYS', 'ca:token:*')) as string[]).length === count);

  it('serve one token, each with the remaining seconds', async () => {
    expect(await one.ask('client', SECRET)).toMatchObject({ serial: 1, expiresIn: 86_400 });
    await written();
    const [key = ''] = (await redis.command('KEYS', 'ca:token:*')) as string[];
    await redis.command('PEXPIRE', key, '50000999');
    expect(await two.ask('client', SECRET)).toMatchObject({ serial: 1, expiresIn: 50_000 });
    expect(upstream.requestCount).toBe(1);
    expect(two.events).toContainEqual({ type: 'token_served', source: 'shared_store' });
  });

  it('do not make a token live longer because the clock of Redis was set back', async () => {
    await one.ask('client', SECRET);
    await written();
    const [key = ''] = (await redis.command('KEYS', 'ca:token:*')) as string[];
    // Two hours later, of which Redis only knows one.
    await redis.command('PEXPIRE', key, String((86_400 - 3600) * 1000));
    two.wallClockLeadMs = 7_200_000;
    const { serial, expiresIn = 0 } = await two.ask('client', SECRET);
    expect(serial).toBe(1);
    expect(expiresIn).toBeLessThanOrEqual(86_400 - 7200);
    expect(expiresIn).toBeGreaterThan(86_400 - 7200 - 600);
  });

  it('do not ask Redis once the token is in memory', async () => {
    await one.ask('client', SECRET);
    await written();
    await two.ask('client', SECRET);
    const before = await commandsServed();
    for (let i = 0; i < 100; i += 1) {
      expect((await one.ask('client', SECRET)).status).toBe(200);
      expect((await two.ask('client', SECRET)).status).toBe(200);
    }
    expect(await commandsServed()).toBe(before + 1);
  });

  async function commandsServed(): Promise<number> {
    const info = String(await redis.command('INFO', 'stats'));
    return Number(/total_commands_processed:(\d+)/.exec(info)?.[1]);
  }

  it('send one upstream request for 1,000 concurrent ones of a cold pair', async () => {
    const three = await start();
    upstream.latencyMs = 100;
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => ([one, two, three][i % 3] ?? one).ask('client', SECRET)),
    );
    expect(new Set(answers.map(({ serial }) => serial))).toEqual(new Set([1]));
    expect(upstream.requestCount).toBe(1);
  });

  it('leave no lock behind', async () => {
    await Promise.all([one.ask('client', SECRET), two.ask('client', SECRET)]);
    await until(async () => ((await redis.command('KEYS', 'ca:lock:*')) as string[]).length === 0);
    await expect(redis.command('EXISTS', 'ca:lock:*')).resolves.toBe(0);
  });

  it('7: wait for a lock whose holder died no longer than it takes to lapse', async () => {
    upstream.latencyMs = 6000;
    const abandoned = one.ask('client', SECRET);
    await until(() => upstream.requestCount === 1);
    const [lock = ''] = (await redis.command('KEYS', 'ca:lock:*')) as string[];
    // As if the process had died: the lock is neither prolonged nor released.
    const ofTheDead = `${String(await redis.command('GET', lock))}-of-the-dead`;
    await redis.command('SET', lock, ofTheDead, 'PX', '2000');
    upstream.latencyMs = 0;
    const startedAt = performance.now();
    expect((await two.ask('client', SECRET)).serial).toBe(2);
    // Two seconds, and what a busy machine takes.
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(two.outcomes('lock')).toContain('taken');
    expect(await redis.command('GET', lock)).not.toBe(ofTheDead);
    expect((await abandoned).status).toBe(200);
  });

  it('keep the lock for as long as the fetch takes', async () => {
    upstream.latencyMs = 3000;
    const [first, second] = await Promise.all([one.ask('client', SECRET), two.ask('client', SECRET)]);
    expect([first.serial, second.serial]).toEqual([1, 1]);
    expect(upstream.requestCount).toBe(1);
  });

  it('hold a shared token to the terms of each request', async () => {
    await one.ask('client', SECRET);
    await written();
    const [key = ''] = (await redis.command('KEYS', 'ca:token:*')) as string[];
    await redis.command('PEXPIRE', key, String((86_400 - 61) * 1000));
    // 61 s old: good for the published path, too old for the SDK's.
    expect(await two.ask('client', SECRET, {}, 'sdk')).toMatchObject({ serial: 2, expiresIn: 86_400 });
    const three = await start();
    expect((await three.ask('client', SECRET, {}, 'sdk')).serial).toBe(2);
    const four = await start();
    expect((await four.ask('client', SECRET, { wish: { forceRefresh: false, minFresh: 86_401 } })).serial).toBe(3);
    const five = await start();
    expect((await five.ask('client', SECRET, { wish: { forceRefresh: true, minFresh: 0 } })).serial).toBe(4);
    const six = await start();
    expect((await six.ask('client', SECRET)).serial).toBe(4);
  });

  it('do not accept from a joined flight an older token than they may reuse', async () => {
    await one.ask('client', SECRET);
    await written();
    const [key = ''] = (await redis.command('KEYS', 'ca:token:*')) as string[];
    await redis.command('PEXPIRE', key, String((86_400 - 3600) * 1000));
    const [published, sdk, forced] = await Promise.all([
      two.ask('client', SECRET),
      two.ask('client', SECRET, {}, 'sdk'),
      two.ask('client', SECRET, { wish: { forceRefresh: true, minFresh: 0 } }),
    ]);
    expect([published.serial, sdk.serial, forced.serial]).toEqual([1, 2, 2]);
  });

  it('take over a token that another one renewed before its expiry', async () => {
    await one.ask('client', SECRET);
    await written();
    await two.ask('client', SECRET);
    one.skip(86_400 * 0.91);
    expect((await one.ask('client', SECRET)).serial).toBe(1);
    await until(() => one.events.some((event) => event.type === 'refresh'));
    expect((await one.ask('client', SECRET)).serial).toBe(2);
    two.skip(86_400 * 0.91);
    expect((await two.ask('client', SECRET)).serial).toBe(1);
    await until(() => two.events.some((event) => event.type === 'refresh'));
    expect((await two.ask('client', SECRET)).serial).toBe(2);
    expect(upstream.requestCount).toBe(2);
  });

  it('fall back to a token of another one when upstream is down', async () => {
    await one.ask('client', SECRET);
    await written();
    const [key = ''] = (await redis.command('KEYS', 'ca:token:*')) as string[];
    await redis.command('PEXPIRE', key, '30500');
    upstream.respondNext({ status: 503 });
    const { serial, expiresIn } = await two.ask('client', SECRET);
    expect(serial).toBe(1);
    expect(expiresIn).toBeLessThanOrEqual(30);
  });

  it('forget a bad token everywhere, and no newer one', async () => {
    const { body } = await one.ask('client', SECRET);
    await written();
    one.service.invalidate(JSON.parse(body).access_token);
    await written(0);
    expect((await two.ask('client', SECRET)).serial).toBe(2);
    await written();
    await one.ask('client', SECRET, { wish: { forceRefresh: true, minFresh: 0 } });
    two.service.invalidate(JSON.parse((await two.ask('client', SECRET)).body).access_token);
    await until(() => two.outcomes('delete').includes('done'));
    expect((await (await start()).ask('client', SECRET)).serial).toBe(3);
  });

  it('6: send one upstream request per cache key after Redis was flushed', async () => {
    await one.ask('client', SECRET);
    await written();
    await redis.command('FLUSHALL');
    const cold = await Promise.all([start(), start(), start()]);
    const answers = await Promise.all(cold.map((instance) => instance.ask('client', SECRET)));
    expect(answers.map(({ serial }) => serial)).toEqual([2, 2, 2]);
  });

  it('go on reusing while the secret of the store is rotated', async () => {
    const newer = 'the-secret-of-the-shared-store-0002';
    await one.ask('client', SECRET);
    await written();
    const rotating = await start({ tokenCacheSecret: `${newer},${CACHE_SECRET}` });
    expect((await rotating.ask('client', SECRET)).serial).toBe(1);
    await written(2);
    expect((await (await start({ tokenCacheSecret: newer })).ask('client', SECRET)).serial).toBe(1);
    expect((await (await start({ tokenCacheSecret: 'x'.repeat(32) })).ask('client', SECRET)).serial).toBe(2);
  });

  it('never give a token to another secret, scope or client', async () => {
    upstream.clients.set('other', SECRET);
    await one.ask('client', SECRET);
    await written();
    expect((await two.ask('client', `${SECRET}x`)).status).toBe(400);
    expect((await two.ask('client', SECRET, { scope: 'a' })).serial).toBe(2);
    expect((await two.ask('other', SECRET)).serial).toBe(3);
  });

  it('leave nothing behind when they end', async () => {
    await one.ask('client', SECRET);
    await one.close();
    await two.close();
    instances = [];
    await until(async () => !String(await redis.command('CLIENT', 'LIST')).includes('lib-name=ioredis('));
    const clients = String(await redis.command('CLIENT', 'LIST'))
      .trim()
      .split('\n');
    expect(clients).toHaveLength(1);
    expect(await redis.command('KEYS', 'ca:lock:*')).toEqual([]);
    expect(await redis.command('KEYS', 'ca:token:*')).toHaveLength(1);
  });
});
