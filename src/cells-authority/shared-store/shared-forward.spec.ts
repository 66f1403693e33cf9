import { allDone, openAccess } from '../../../test/support/redis-access.js';
import { describeWithRedis, RedisServer } from '../../../test/support/redis-server.js';
import { ScriptedRedis } from '../../../test/support/scripted-redis.js';
import { OAuthError } from '../errors/oauth-error.js';
import { tooManyRequests } from '../errors/oauth-errors.js';
import { type RedisAccess } from './redis-access.js';
import { type HoldSubject, SharedForward } from './shared-forward.js';
import { SharedKeys } from './shared-keys.js';

const CACHE_SECRET = 'the-secret-of-the-shared-store-0001';
const REFUSAL = new OAuthError({ error: 'invalid_client', status: 400, description: 'refused' });
const ADMITTED = { refusals: 0, firstCountsMs: 0 };

/** A verdict as Redis sends it. */
const verdict = (...parts: (string | number)[]) =>
  `*${parts.length}\r\n${parts.map((part) => (typeof part === 'number' ? `:${part}\r\n` : `$${part.length}\r\n${part}\r\n`)).join('')}`;

describe('A verdict of Redis', () => {
  it.each([
    ['no array', '+OK\r\n', undefined],
    ['no verdict', '*0\r\n', undefined],
    ['another verdict', verdict('refused', 0, 0), undefined],
    ['no end', verdict('spent'), undefined],
    ['no number as the end', verdict('spent', 'abc'), undefined],
    ['nothing as the end', verdict('spent', ''), undefined],
    ['an end that is past', verdict('spent', -5), undefined],
    ['an end in the next age', verdict('spent', 8_640_000_000_000_000), { answer: undefined, lifeMs: 600_000 }],
    ['no count', verdict('admitted', 'abc', 0), undefined],
    ['no time for which it counts', verdict('admitted', 1), undefined],
    ['counts for ever', verdict('admitted', 99, 8_640_000_000_000_000), { refusals: 4, firstCountsMs: 600_000 }],
    ['right', verdict('admitted', 3, 1000), { refusals: 3, firstCountsMs: 1000 }],
  ])('is not used without bounds: %s', async (_, reply, expected) => {
    const redis = await ScriptedRedis.start(([name]) => (name === 'eval' ? reply : undefined));
    const outcomes: string[] = [];
    const access = await openAccess(redis.url, (event) => {
      if (event.type === 'shared_store' && event.operation === 'count') outcomes.push(event.outcome);
    });
    const subject = {
      credentials: { clientId: 'client', clientSecret: 'secret' },
      pairFields: ['pair'],
      requestFields: ['request'],
    };
    const keys = [new SharedKeys(CACHE_SECRET)];
    const forward = new SharedForward(access, access.newPatience(), keys, subject, () => 1_000_000, 1_060_000);
    const found = await forward.admit(4);
    await access.close();
    await redis.close();
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(expected);
    expect(outcomes).toEqual(expected === undefined ? ['tampered', 'tampered'] : []);
  });
});

describeWithRedis('The forwards of one pair, for all instances', () => {
  let redis: RedisServer;
  let access: RedisAccess;
  const tampered: string[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
    access = await openAccess(redis.url, (event) => {
      if (event.type === 'shared_store' && event.outcome === 'tampered') tampered.push(event.operation);
    });
  });

  beforeEach(async () => {
    tampered.length = 0;
    await redis.command('FLUSHALL');
  });

  afterAll(async () => {
    await access.close();
    await redis.kill();
  });

  function forward(
    timeoutMs = 60_000,
    secrets: readonly string[] = [CACHE_SECRET],
    others: Partial<HoldSubject> = {},
  ): SharedForward {
    const credentials = { clientId: 'client', clientSecret: 'secret' };
    const subject = { credentials, pairFields: ['pair'], requestFields: ['request'], ...others };
    const clock = () => performance.now();
    const keys = secrets.map((secret) => new SharedKeys(secret));
    return new SharedForward(access, access.newPatience(), keys, subject, clock, clock() + timeoutMs);
  }

  async function key(purpose: string): Promise<string> {
    await allDone(access);
    return ((await redis.command('KEYS', `ca:${purpose}:*`)) as string[])[0] ?? '';
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
    await expect(forward(100).admit(4)).rejects.toMatchObject({
      status: 503,
      description: 'Too many requests of these credentials are under way',
    });
    const next = forward().admit(4);
    underWay[0]?.release();
    expect(await next).toMatchObject({ refusals: 1 });
  });

  it('count under the secret with the most refusals while secrets rotate', async () => {
    const other = 'the-secret-of-the-shared-store-0002';
    await refuse(2);
    expect(await forward(60_000, [other, CACHE_SECRET]).admit(4)).toMatchObject({ refusals: 2 });
    expect(await forward(60_000, [CACHE_SECRET, other]).admit(4)).toMatchObject({ refusals: 2 });
  });

  it('set no hold of less than a millisecond', async () => {
    const one = forward();
    await one.admit(4);
    one.refused('pair', REFUSAL, 0.5);
    expect(await key('hold')).toBe('');
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
    await allDone(access);
    expect(await redis.command('KEYS', 'ca:hold:*')).toEqual([]);
    expect(await redis.command('KEYS', 'ca:forwards:*')).toHaveLength(1);
  });

  it('keep the longer of two holds', async () => {
    forward().throttled(tooManyRequests('throttled', 300), 300_000);
    forward().refused('pair', REFUSAL, 5000);
    expect(await forward().admit(4)).toMatchObject({ answer: { status: 429 } });
  });

  it('keep the answer of a refusal, with its body and for as long as it is held', async () => {
    const relayedBody = '{"error":"invalid_client","error_description":"é"}';
    const answer = new OAuthError({ error: 'invalid_client', status: 401, description: 'refused', relayedBody });
    forward().refused('pair', answer, 60_000);
    const hold = await forward().admit(4);
    expect(hold).toMatchObject({
      of: 'pair',
      answer: { error: 'invalid_client', status: 401, description: 'refused' },
    });
    if (hold === undefined || !('lifeMs' in hold)) throw new Error('no hold');
    expect(hold.answer?.body).toBe(relayedBody);
    expect(hold.lifeMs).toBeGreaterThan(50_000);
    expect(hold.lifeMs).toBeLessThanOrEqual(60_000);
  });

  it('keep only the error code of an answer that is too long', async () => {
    for (const length of [2048, 2049]) {
      const relayedBody = 'x'.repeat(length);
      const answer = new OAuthError({ error: 'invalid_client', status: 400, description: 'refused', relayedBody });
      forward().refused('pair', answer, 10_000 * length);
      const hold = await forward().admit(4);
      if (hold === undefined || !('lifeMs' in hold)) throw new Error('no hold');
      expect(hold.answer?.body === relayedBody).toBe(length === 2048);
    }
  });

  it('hold a single request without its pair', async () => {
    const one = forward();
    await one.admit(4);
    one.refused('request', REFUSAL, 60_000);
    expect(await forward().admit(4)).toMatchObject({ of: 'request', answer: { status: 400 } });
    expect(await forward(60_000, [CACHE_SECRET], { requestFields: ['other'] }).admit(4)).toMatchObject({ refusals: 1 });
    // The one that was held gave its place back.
    expect(await redis.command('ZCARD', await key('forwards'))).toBe(1);
  });

  it('say for how long the first refusal still counts', async () => {
    await refuse(1);
    const counts = await forward().admit(4);
    if (counts === undefined || !('refusals' in counts)) throw new Error('no counts');
    expect(counts.firstCountsMs).toBeGreaterThan(590_000);
    expect(counts.firstCountsMs).toBeLessThanOrEqual(600_000);
  });

  it('count neither places that lapse nor refusals that lapse for longer than they may', async () => {
    const one = forward();
    await one.admit(4);
    const lifeOfPlaces = Number(await redis.command('PTTL', await key('forwards')));
    expect(lifeOfPlaces).toBeGreaterThan(60_000);
    expect(lifeOfPlaces).toBeLessThanOrEqual(61_000);
    one.refused('pair', REFUSAL, 0);
    expect(Number(await redis.command('PTTL', await key('refusals')))).toBeGreaterThan(590_000);
    expect(await key('forwards')).toBe('');
    expect(await key('hold')).toBe('');
  });

  it('are counted under every secret while secrets rotate, and the higher count holds', async () => {
    const both = [CACHE_SECRET, 'the-secret-of-the-shared-store-0002'];
    await refuse(2);
    const one = forward(60_000, both);
    expect(await one.admit(4)).toMatchObject({ refusals: 2 });
    one.refused('pair', REFUSAL, 0);
    await allDone(access);
    expect(await redis.command('KEYS', 'ca:refusals:*')).toHaveLength(2);
    for (const [secrets, refusals] of [
      [both, 3],
      [both.slice(1), 1],
    ] as const) {
      const next = forward(60_000, secrets);
      expect(await next.admit(4)).toMatchObject({ refusals });
      next.release();
    }
    await refuse(1);
    expect(await forward(60_000, both).admit(4)).toMatchObject({ of: 'pair', answer: undefined });
    // The place under the second secret was given back.
    expect(await key('forwards')).toBe('');
  });

  it.each([
    ['null'],
    ['{}'],
    ['{"error":7,"status":400,"description":"d"}'],
    ['{"error":"e","status":"400","description":"d"}'],
    ['{"error":"e","status":400}'],
  ])('ignore a hold with another content: %s', async (text) => {
    const keys = new SharedKeys(CACHE_SECRET);
    const name = keys.key('hold', ['request']);
    await redis.command('SET', name, keys.seal(text, name, 'secret').toString('base64'), 'PX', '60000');
    expect(await forward().admit(4)).toEqual(ADMITTED);
    await allDone(access);
    expect([tampered, await redis.command('EXISTS', name)]).toEqual([['count'], 0]);
  });

  it('ignore a hold without an end, and one of more than an hour after that hour', async () => {
    const keys = new SharedKeys(CACHE_SECRET);
    const name = keys.key('hold', ['pair']);
    const sealed = keys.seal('{"error":"e","status":400,"description":"d"}', name, 'secret').toString('base64');
    await redis.command('SET', name, sealed);
    expect(await forward().admit(4)).toEqual(ADMITTED);
    await allDone(access);
    await redis.command('SET', name, sealed, 'PX', '7200000');
    expect(await forward().admit(4)).toMatchObject({ of: 'pair', lifeMs: 3_600_000 });
    expect(tampered).toEqual(['count']);
  });

  it('go on without Redis when tampered holds come back', async () => {
    const name = new SharedKeys(CACHE_SECRET).key('hold', ['pair']);
    const run = jest.spyOn(access, 'send').mockImplementation(() => undefined);
    await redis.command('SET', name, 'nonsense', 'PX', '60000');
    expect(await forward().admit(4)).toBeUndefined();
    run.mockRestore();
  });

  it('go on when Redis gives no answer', async () => {
    const bypassed = jest.spyOn(access, 'ask').mockResolvedValue(undefined);
    expect(await forward().admit(4)).toBeUndefined();
    bypassed.mockRestore();
  });

  it('delete a key of another type, and leave the others of the pair', async () => {
    await forward().admit(4);
    await redis.command('SET', new SharedKeys(CACHE_SECRET).key('refusals', ['pair']), 'x');
    expect(await forward().admit(4)).toBeUndefined();
    await allDone(access);
    expect([await key('refusals'), await redis.command('ZCARD', await key('forwards'))]).toEqual(['', 1]);
    expect(await forward().admit(4)).toEqual(ADMITTED);
  });
});
