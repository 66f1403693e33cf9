import { OAuthError } from '../../src/cells-authority/errors/oauth-error.js';
import { tooManyRequests } from '../../src/cells-authority/errors/oauth-errors.js';
import { connectToRedis } from '../../src/cells-authority/shared-store/ioredis-commands.js';
import { RedisAccess } from '../../src/cells-authority/shared-store/redis-access.js';
import { parseRedisUrl } from '../../src/cells-authority/shared-store/redis-address.js';
import { SharedForward } from '../../src/cells-authority/shared-store/shared-forward.js';
import { SharedKeys } from '../../src/cells-authority/shared-store/shared-keys.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { CACHE_SECRET, until } from './instances.js';

const REFUSAL = new OAuthError({ error: 'invalid_client', status: 400, description: 'refused' });
const ADMITTED = { refusals: 0, firstCountsMs: 0 };

describeWithRedis('The forwards of one pair, for all instances', () => {
  let redis: RedisServer;
  let access: RedisAccess;
  const tampered: string[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
    access = new RedisAccess(
      () => performance.now(),
      (event) => {
        if (event.type === 'shared_store' && event.outcome === 'tampered') tampered.push(event.operation);
      },
      10_000,
    );
    const address = parseRedisUrl(redis.url);
    if (address === undefined) throw new Error('no address');
    access.use(
      connectToRedis(address, (signal) => {
        access.signal(signal);
      }),
    );
    await until(() => access.available);
  });

  beforeEach(() => redis.command('FLUSHALL'));

  afterAll(async () => {
    await access.close();
    await redis.kill();
  });

  function forward(timeoutMs = 60_000): SharedForward {
    const credentials = { clientId: 'client', clientSecret: 'secret' };
    const subject = { credentials, pairFields: ['pair'], requestFields: ['request'] };
    const clock = () => performance.now();
    const keys = [new SharedKeys(CACHE_SECRET)];
    return new SharedForward(access, access.newPatience(), keys, subject, clock, clock() + timeoutMs);
  }

  async function key(purpose: string): Promise<string> {
    const find = async () => ((await redis.command('KEYS', `ca:${purpose}:*`)) as string[])[0];
    await until(async () => (await find()) !== undefined);
    return (await find()) ?? '';
  }

  const refuse = async (times: number) => {
    for (let i = 0; i < times; i += 1) {
      const one = forward();
      await one.admit(4);
      one.refused('pair', REFUSAL, 0);
    }
  };

  it('wait while as many are running as may still be refused, and go on when one has ended', async () => {
    await refuse(1);
    const underWay = [forward(), forward(), forward()];
    for (const one of underWay) expect(await one.admit(4)).toMatchObject({ refusals: 1 });
    await expect(forward(100).admit(4)).rejects.toMatchObject({ status: 503 });
    const next = forward().admit(4);
    underWay[0]?.release();
    expect(await next).toMatchObject({ refusals: 1 });
  });

  it('are held after 4 refusals until the first of them no longer counts', async () => {
    await refuse(4);
    expect(await forward().admit(4)).toMatchObject({ of: 'pair', answer: undefined });
    const refusals = await key('refusals');
    const [first = ''] = (await redis.command('ZRANGE', refusals, '0', '0')) as string[];
    await redis.command('ZINCRBY', refusals, '-599000', first);
    expect(await forward().admit(4)).toMatchObject({ of: 'pair' });
    await redis.command('ZINCRBY', refusals, '-1000', first);
    expect(await forward().admit(4)).toMatchObject({ refusals: 3 });
  });

  it('leave the last refusal to requests that were not refused themselves', async () => {
    await refuse(3);
    expect(await forward().admit(3)).toMatchObject({ of: 'request', answer: undefined });
    expect(await forward().admit(4)).toMatchObject({ refusals: 3 });
  });

  it('give back the place of an instance that died', async () => {
    await Promise.all([1, 2, 3, 4].map(() => forward().admit(4)));
    const forwards = await key('forwards');
    const [name = ''] = (await redis.command('ZRANGE', forwards, '0', '0')) as string[];
    await redis.command('ZADD', forwards, '0', name);
    expect(await forward().admit(4)).toEqual(ADMITTED);
  });

  it('are held by a 429, which does not count as a refusal', async () => {
    const one = forward();
    await one.admit(4);
    one.throttled(tooManyRequests('throttled', 300), 300_000);
    expect(await forward().admit(4)).toMatchObject({ of: 'pair', answer: { status: 429 } });
    await redis.command('DEL', await key('hold'));
    expect(await forward().admit(4)).toEqual(ADMITTED);
  });

  it('ignore a hold that was tampered with, and count and delete it', async () => {
    await redis.command('SET', new SharedKeys(CACHE_SECRET).key('hold', ['pair']), 'nonsense', 'PX', '60000');
    expect(await forward().admit(4)).toEqual(ADMITTED);
    expect(tampered).toEqual(['count']);
    expect(await redis.command('KEYS', 'ca:hold:*')).toEqual([]);
    expect(await redis.command('KEYS', 'ca:forwards:*')).toHaveLength(1);
  });

  it('keep the longer of two holds', async () => {
    forward().throttled(tooManyRequests('throttled', 300), 300_000);
    forward().refused('pair', REFUSAL, 5000);
    expect(await forward().admit(4)).toMatchObject({ answer: { status: 429 } });
  });
});
