import { AsposeLimits } from '../support/aspose-limits.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { Instance, until } from './instances.js';

const SECRET = 'c1f0a9d4e2b34f7795a6c1f0a9d4e2b3';

describeWithRedis('Failing credentials at three instances that share a Redis', () => {
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
    for (let i = 0; i < 3; i += 1) instances.push(await start());
    [one, two] = instances as [Instance, Instance];
  });

  afterEach(async () => {
    await Promise.all(instances.map((instance) => instance.close()));
    await upstream.close();
  });

  const start = async () =>
    (await Instance.start({ upstreamTokenUrl: upstream.tokenUrl, redisUrl: redis.url })).connected();

  const keys = (pattern: string) => redis.command('KEYS', pattern) as Promise<string[]>;

  it('draw no ban, however hard they are hammered', async () => {
    for (let round = 0; round < 20; round += 1) {
      const answers = await Promise.all(
        instances.flatMap((instance) =>
          Array.from({ length: 20 }, (_, i) => instance.ask('client', 'wrong-secret', { scope: `s${i % 4}` })),
        ),
      );
      expect(answers.every(({ status }) => status === 400 || status === 429)).toBe(true);
      // All holds are over on both instances; only the count of forwards is left.
      const holds = await keys('ca:hold:*');
      if (holds.length > 0) await redis.command('DEL', ...holds);
      for (const instance of instances) instance.skip(301);
      if (upstream.requestCount >= 4) break;
    }
    await Promise.all(instances.map((instance) => instance.ask('client', 'wrong-secret')));
    expect(upstream.count('client', 'wrong-secret')).toEqual({ requests: 4, failures: 4, throttled: 0 });
  });

  it('draw no ban when they worked everywhere and are revoked while 60 scopes are requested at once', async () => {
    const askAll = (name: string) =>
      Promise.all(
        instances.flatMap((instance, at) =>
          Array.from({ length: 20 }, (_, i) => instance.ask('client', SECRET, { scope: `${name}-${at}-${i}` })),
        ),
      );
    expect(new Set((await askAll('good')).map(({ status }) => status))).toEqual(new Set([200]));
    upstream.clients.delete('client');
    for (let round = 0; round < 3; round += 1) {
      const answers = await askAll(`bad-${round}`);
      expect(answers.every(({ status }) => status === 400 || status === 429)).toBe(true);
      const holds = await keys('ca:hold:*');
      if (holds.length > 0) await redis.command('DEL', ...holds);
      for (const instance of instances) instance.skip(301);
    }
    expect(upstream.count('client', SECRET)).toEqual({ requests: 64, failures: 4, throttled: 0 });
  });

  it('are remembered after a success', async () => {
    for (let round = 0; round < 8; round += 1) {
      upstream.clients.set('client', SECRET);
      await (instances[round % 3] ?? one).ask('client', SECRET, { scope: `good-${round}` });
      upstream.clients.delete('client');
      await (instances[(round + 1) % 3] ?? one).ask('client', SECRET, { scope: `bad-${round}` });
      const holds = await keys('ca:hold:*');
      if (holds.length > 0) await redis.command('DEL', ...holds);
      for (const instance of instances) instance.skip(301);
    }
    expect(upstream.count('client', SECRET)).toMatchObject({ failures: 4, throttled: 0 });
  });

  it('are counted whatever scope was refused', async () => {
    const wrong = Array.from({ length: 60 }, (_, i) => `wrong-${i}`);
    for (const scope of wrong) upstream.refusedScopes.add(scope);
    await Promise.all(wrong.map((scope, i) => (instances[i % 3] ?? one).ask('client', SECRET, { scope })));
    expect(upstream.count('client', SECRET)).toEqual({ requests: 4, failures: 4, throttled: 0 });
    expect((await two.ask('client', SECRET)).status).toBe(429);
  });

  it('are held everywhere, with the same answer', async () => {
    const first = await one.ask('client', 'wrong-secret');
    await until(async () => (await keys('ca:hold:*')).length === 1);
    const second = await two.ask('client', 'wrong-secret');
    expect(second).toEqual(first);
    expect(upstream.requestCount).toBe(1);
    expect(two.events).toContainEqual(expect.objectContaining({ type: 'answered_from_hold', reason: 'refused' }));
  });

  it('are held longer with each refusal, on whichever instance', async () => {
    const seconds = (instance: Instance) =>
      instance.events.flatMap((event) => (event.type === 'held' ? [event.seconds] : []));
    for (const instance of instances) {
      await instance.ask('client', 'wrong-secret');
      await until(async () => (await keys('ca:hold:*')).length === 1);
      await redis.command('DEL', ...(await keys('ca:hold:*')));
    }
    expect(instances.map(seconds)).toEqual([[5], [30], [120]]);
  });

  it('are held everywhere for the Retry-After of a 429', async () => {
    upstream.respondNext({ status: 429, headers: { 'Retry-After': '300' } });
    expect((await one.ask('client', SECRET)).status).toBe(429);
    await until(async () => (await keys('ca:hold:*')).length === 1);
    expect((await two.ask('client', SECRET)).status).toBe(429);
    expect(upstream.requestCount).toBe(1);
    two.skip(299);
    expect((await two.ask('client', SECRET)).status).toBe(429);
  });

  it('leave the other scopes of a pair alone when only a scope was refused', async () => {
    upstream.respondNext({ status: 400, body: { error: 'invalid_scope' } });
    expect((await one.ask('client', SECRET, { scope: 'wrong' })).status).toBe(400);
    await until(async () => (await keys('ca:hold:*')).length === 1);
    expect(JSON.parse((await two.ask('client', SECRET, { scope: 'wrong' })).body)).toEqual({ error: 'invalid_scope' });
    expect((await two.ask('client', SECRET, { scope: 'right' })).status).toBe(200);
    expect(upstream.requestCount).toBe(2);
  });

  it('do not count when upstream gave no verdict', async () => {
    upstream.respondNext(...Array.from({ length: 6 }, () => ({ status: 503 })));
    for (let i = 0; i < 6; i += 1) {
      await (instances[i % 3] ?? one).ask('client', SECRET, { scope: `s${i}` });
    }
    await until(async () => (await keys('ca:forwards:*')).length === 0);
    expect(one.outcomes('count')).not.toContain('tampered');
  });

  it('slow a guesser everywhere, but nobody else, and give it what is kept', async () => {
    const at = (clientAddress: string) => ({ clientAddress });
    for (let i = 0; i < 10; i += 1) {
      const instance = instances[i % 3] ?? one;
      expect((await instance.ask('client', `guess-${i}`, at('198.51.100.9'))).status).toBe(400);
      await until(async () => (await guesses()) === i + 1);
    }
    for (const instance of instances) {
      expect((await instance.ask('client', 'one-more-guess', at('198.51.100.9'))).status).toBe(429);
    }
    expect(upstream.requestCount).toBe(10);
    expect((await one.ask('client', SECRET, at('192.0.2.77'))).status).toBe(200);
    await until(async () => (await keys('ca:token:*')).length === 1);
    expect((await two.ask('client', SECRET, at('198.51.100.9'))).status).toBe(200);
  });

  it('do not slow a client that requests the same at the same time from another address', async () => {
    for (let i = 0; i < 10; i += 1) {
      await one.ask('client', `guess-${i}`, { clientAddress: '198.51.100.9' });
      await until(async () => (await guesses()) === i + 1);
    }
    const [slowed, innocent] = await Promise.all([
      two.ask('client', SECRET, { clientAddress: '198.51.100.9' }),
      two.ask('client', SECRET, { clientAddress: '192.0.2.77' }),
    ]);
    expect([slowed.status, innocent.status]).toEqual([429, 200]);
  });

  async function guesses(): Promise<number> {
    const counters = await keys('ca:guesses:*');
    const values = await Promise.all(counters.map((key) => redis.command('GET', key)));
    return Math.max(0, ...values.map(Number));
  }
});
