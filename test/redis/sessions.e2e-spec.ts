import { BearerApi } from '../gateway/bearer-api.js';
import { SimulatedService } from '../gateway/simulated-service.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { LeakScanner } from '../support/leak-scanner.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { CACHE_SECRET, until } from './instances.js';

const ID = 'b7d1c0de-54f2-4c11-9a55-2f6f0d1c8e77';
const SECRET = 'c1f0a9d4e2b34f7795a6c1f0a9d4e2b3';
const NEW_CACHE_SECRET = 'the-secret-of-the-shared-store-0002';
const LIFETIME_S = 3600;
const SESSION_S = 86_400;

describeWithRedis('Sessions in Redis', () => {
  let redis: RedisServer;
  let upstream: AsposeLimits;
  let api: BearerApi;
  let one: SimulatedService;
  let two: SimulatedService;

  const start = async (variables: Readonly<Record<string, string>> = {}) => {
    const service = await SimulatedService.start({
      UPSTREAM_TOKEN_URL: upstream.tokenUrl,
      CELLS_API_URL: api.origin,
      CELLS_API_SESSION_MAX_S: String(SESSION_S),
      TOKEN_CACHE: 'redis',
      REDIS_URL: redis.url,
      TOKEN_CACHE_SECRET: CACHE_SECRET,
      ...variables,
    });
    await until(async () => (await (await fetch(`${service.origin}/health/ready`)).text()).includes('"ok"'));
    return service;
  };

  const keys = async () => (await redis.command('KEYS', 'ca:session:*')) as string[];

  /** A token whose session has reached Redis. */
  const tokenWithSession = async (service: SimulatedService, scope?: string) => {
    const before = (await keys()).length;
    const token = await service.token(ID, SECRET, scope);
    await until(async () => (await keys()).length > before);
    return token;
  };

  const pass = (seconds: number) => {
    for (const service of [one, two]) service.pass(seconds);
  };

  beforeEach(async () => {
    redis = await RedisServer.start();
    upstream = await AsposeLimits.start({ clients: [[ID, SECRET]], expiresIn: LIFETIME_S });
    api = await BearerApi.start();
    [one, two] = await Promise.all([start(), start()]);
  });
  afterEach(async () => {
    await Promise.all([one.close(), two.close()]);
    await Promise.all([api.close(), upstream.close(), redis.kill()]);
  });

  it('are shared: whichever instance began one, the client can use it on all of them', async () => {
    const token = await tokenWithSession(one);
    pass(LIFETIME_S);

    expect(await two.call(token)).toMatchObject({ status: 200 });
    const [good] = api.takeTokens();
    expect(good).not.toBe(token);

    expect(await one.call(token)).toMatchObject({ status: 200 });
    expect(api.takeTokens()).toEqual([good]);
    expect(upstream.requests).toHaveLength(2);
  });

  it('get another token than the refused one, even if Redis still has that', async () => {
    const token = await tokenWithSession(one);
    api.refused.add(token);

    expect(await two.call(token)).toMatchObject({ status: 200 });
    expect(api.takeTokens()).toEqual([token, await two.token(ID, SECRET)]);
  });

  it('end on time, whatever Redis says', async () => {
    const token = await tokenWithSession(one);
    const [key = ''] = await keys();
    const lifeMs = Number(await redis.command('PTTL', key));
    expect(lifeMs).toBeLessThanOrEqual(SESSION_S * 1000);
    expect(lifeMs).toBeGreaterThan((SESSION_S - 60) * 1000);
    await redis.command('PEXPIRE', key, String(10 * SESSION_S * 1000));
    pass(SESSION_S + 1);

    await two.call(token);
    expect(api.takeTokens()).toEqual([token]);
  });

  it('end everywhere when their pair is refused', async () => {
    const token = await tokenWithSession(one);
    upstream.clients.set(ID, 'another-secret-by-now');
    pass(LIFETIME_S);

    await two.call(token);
    expect(api.takeTokens()).toEqual([token]);
    await until(async () => (await keys()).length === 0);
  });

  it('reveal nothing by themselves', async () => {
    const monitor = await redis.monitor();
    const token = await tokenWithSession(one, 'a-scope-of-its-own');
    pass(LIFETIME_S);
    await two.call(token);
    await two.call('a-token-that-somebody-made-up');
    const scanner = new LeakScanner()
      .protectCredentials('secret', ID, SECRET)
      .protect('id', ID)
      .protect('token', token)
      .protect('claims of the token', token.split('.')[1] ?? '')
      .protect('scope', 'a-scope-of-its-own')
      .protect('made-up token', 'a-token-that-somebody-made-up')
      .protect('secret of the store', CACHE_SECRET);
    const [key = '', ...others] = await keys();
    scanner.add('key', key);
    scanner.add('dump', await redis.client.dumpBuffer(key));
    scanner.add('value', (await redis.client.getBuffer(key)) ?? '');
    await until(() => monitor.lines.length > 10);
    scanner.add('commands', monitor.lines.join('\n'));
    monitor.stop();

    expect(others).toEqual([]);
    expect(key).toMatch(/^ca:session:\{[\w-]{43}\}$/);
    expect(scanner.bytes).toBeGreaterThan(1000);
    expect(scanner.leaks()).toEqual([]);
  });

  it('are not found when the value is another token’s, or was tampered with', async () => {
    const token = await tokenWithSession(one);
    const other = await tokenWithSession(one, 'a-scope-of-its-own');
    const [first = '', second = ''] = await keys();
    const value = (await redis.client.getBuffer(first)) ?? Buffer.alloc(0);
    await redis.command('SET', second, value, 'PX', '1000000');
    value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
    await redis.command('SET', first, value, 'PX', '1000000');
    pass(LIFETIME_S);

    for (const each of [token, other]) await two.call(each);
    expect(api.takeTokens()).toEqual([token, other]);
    await until(async () => (await keys()).length === 0);
  });

  it('are found while the secret of the store is rotated, and afterwards', async () => {
    const token = await tokenWithSession(one);
    await Promise.all([one.close(), two.close()]);
    one = await start({ TOKEN_CACHE_SECRET: `${NEW_CACHE_SECRET},${CACHE_SECRET}` });
    one.pass(LIFETIME_S);
    await one.call(token);
    await until(async () => (await keys()).length === 2);
    two = await start({ TOKEN_CACHE_SECRET: NEW_CACHE_SECRET });
    two.pass(LIFETIME_S);
    await two.call(token);

    const [good, ...others] = api.takeTokens();
    expect(good).not.toBe(token);
    expect(others).toEqual([good]);
  });

  it('are missing while Redis is down, and never cause an error', async () => {
    const token = await tokenWithSession(one);
    await redis.kill();
    pass(LIFETIME_S);
    api.refused.add(token);

    expect(await two.call(token)).toEqual({ status: 401, body: 'api 401' });
    // In memory there is one.
    expect(await one.call(token)).toEqual({ status: 200, body: 'api 200' });
  });
});
