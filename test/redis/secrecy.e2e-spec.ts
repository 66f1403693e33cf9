import { AsposeLimits } from '../support/aspose-limits.js';
import { LeakScanner } from '../support/leak-scanner.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { CACHE_SECRET, Instance, until } from './instances.js';

const ID = 'b7d1c0de-54f2-4c11-9a55-2f6f0d1c8e77';
const SECRET = 'c1f0a9d4e2b34f7795a6c1f0a9d4e2b3';
const WRONG_SECRET = '00ff00ff00ff4f7795a6c1f0a9d4e2b3';

describeWithRedis('What is kept in Redis', () => {
  let redis: RedisServer;
  let upstream: AsposeLimits;
  let one: Instance;
  let two: Instance;

  beforeEach(async () => {
    redis = await RedisServer.start();
    upstream = await AsposeLimits.start({ clients: [[ID, SECRET]] });
    one = await start();
    two = await start();
  });

  afterEach(async () => {
    await Promise.all([one.close(), two.close()]);
    await upstream.close();
    await redis.kill();
  });

  const start = async () =>
    (await Instance.start({ upstreamTokenUrl: upstream.tokenUrl, redisUrl: redis.url })).connected();

  const keys = async (pattern: string, count: number) => {
    const found = () => redis.command('KEYS', pattern) as Promise<string[]>;
    await until(async () => (await found()).length === count);
    return found();
  };

  const types = (names: string[]) => Promise.all(names.map((name) => redis.command('TYPE', name)));

  const tokenKey = async () => (await keys('ca:token:*', 1))[0] ?? '';

  it('reveals nothing by itself', async () => {
    const monitor = await redis.monitor();
    const { body } = await one.ask(ID, SECRET, { scope: 'a-scope-of-its-own', clientAddress: '198.51.100.123' });
    await one.ask(ID, WRONG_SECRET, { clientAddress: '198.51.100.123' });
    upstream.respondNext({ status: 400, body: { error: 'invalid_scope', error_description: `not for ${ID}` } });
    await one.ask(ID, SECRET, { scope: 'another-scope' });
    await keys('ca:token:*', 1);
    await keys('ca:hold:*', 2);
    await keys('ca:guesses:*', 2);
    const scanner = new LeakScanner()
      .protectCredentials('secret', ID, SECRET)
      .protectCredentials('wrong secret', ID, WRONG_SECRET)
      .protect('id', ID)
      .protect('token', JSON.parse(body).access_token)
      .protect('claims of the token', String(JSON.parse(body).access_token).split('.')[1] ?? '')
      .protect('scope', 'a-scope-of-its-own')
      .protect('address', '198.51.100.123')
      .protect('secret of the store', CACHE_SECRET);
    const all = (await redis.command('KEYS', '*')) as string[];
    for (const key of all) {
      scanner.add('keys', `${key}\n`);
      scanner.add(`dump of ${key}`, await redis.client.dumpBuffer(key));
      if (await redis.client.getBuffer(key).catch(() => null)) {
        scanner.add(`value of ${key}`, (await redis.client.getBuffer(key)) ?? '');
      }
    }
    await until(() => monitor.lines.length > 10);
    scanner.add('commands', monitor.lines.join('\n'));
    monitor.stop();
    expect(scanner.bytes).toBeGreaterThan(1000);
    expect(scanner.leaks()).toEqual([]);
    expect(all.filter((key) => !/^ca:(?:[a-z]+:\{[\w-]{43}\}|secrets)$/.test(key))).toEqual([]);
  });

  it('is deleted when the token expires', async () => {
    upstream.expiresIn = 1000;
    await one.ask(ID, SECRET);
    const life = Number(await redis.command('PTTL', await tokenKey()));
    expect(life).toBeGreaterThan(990_000);
    expect(life).toBeLessThanOrEqual(1_000_000);
    for (const key of (await redis.command('KEYS', '*')) as string[]) {
      expect(Number(await redis.command('PTTL', key))).toBeGreaterThan(0);
    }
  });

  it('is not written when the token has no usable life', async () => {
    upstream.respondNext({ status: 200, body: { access_token: 'a.b.c', token_type: 'Bearer' } });
    await one.service.postAccessToken({ clientId: ID, clientSecret: SECRET });
    await until(() => one.outcomes('lock').includes('done'));
    expect(await redis.command('KEYS', 'ca:token:*')).toEqual([]);
  });

  it.each([0, 5, 20, 60])('5: is a miss, counted and deleted, when byte %i of it was changed', async (at) => {
    await one.ask(ID, SECRET);
    const key = await tokenKey();
    const value = await redis.client.getBuffer(key);
    if (value === null) throw new Error('nothing there');
    value[at] = (value[at] ?? 0) ^ 1;
    await redis.command('SET', key, value, 'PX', '80000000');
    upstream.respondNext({ status: 503 });
    expect((await two.ask(ID, SECRET)).status).toBe(503);
    expect(two.outcomes('read')).toContain('tampered');
    await keys('ca:token:*', 0);
    expect((await two.ask(ID, SECRET)).serial).toBe(2);
  });

  it('is no good under another key', async () => {
    upstream.clients.set('another-client', SECRET);
    await one.ask(ID, SECRET);
    const key = await tokenKey();
    const value = await redis.client.getBuffer(key);
    if (value === null) throw new Error('nothing there');
    await one.ask('another-client', SECRET);
    const other = (await keys('ca:token:*', 2)).find((name) => name !== key) ?? '';
    await redis.command('SET', other, value, 'PX', '80000000');
    expect((await two.ask('another-client', SECRET)).serial).toBe(3);
    expect(two.outcomes('read')).toContain('tampered');
  });

  it.each([
    ['a text', ['SET', 'nonsense', 'PX', '1000000']],
    ['an empty text', ['SET', '', 'PX', '1000000']],
    ['a text without an end', ['SET', 'nonsense']],
  ])('is replaced when it is foreign: %s', async (_what, [command = '', ...values]) => {
    await one.ask(ID, SECRET);
    const key = await tokenKey();
    await redis.command(command, key, ...values);
    expect((await two.ask(ID, SECRET)).serial).toBe(2);
    await until(async () => Number(await redis.command('STRLEN', key)) > 100);
    const three = await start();
    expect((await three.ask(ID, SECRET)).serial).toBe(2);
    await three.close();
  });

  it('5: is a miss, counted and deleted, when it has a foreign type', async () => {
    await one.ask(ID, SECRET);
    await one.ask(ID, 'another-secret');
    const ours = [await keys('ca:token:*', 1), await keys('ca:refusals:*', 1), await keys('ca:hold:*', 1)].flat();
    for (const key of ours) {
      await redis.command('DEL', key);
      await redis.command('RPUSH', key, 'foreign');
    }
    expect((await two.ask(ID, SECRET)).serial).toBe(2);
    expect((await two.ask(ID, 'another-secret')).status).toBe(400);
    expect((await two.ask(ID, 'another-secret')).status).toBe(400);
    expect([two.outcomes('read'), two.outcomes('count')]).toEqual([
      expect.arrayContaining(['tampered']),
      expect.arrayContaining(['tampered']),
    ]);
    await until(async () => (await types(ours)).every((type) => type !== 'list'));
    expect(two.outcomes('delete')).not.toContain('refused');
    const three = await start();
    expect((await three.ask(ID, SECRET)).serial).toBe(2);
    await three.close();
  });

  it.each([
    ['a list', 'RPUSH', []],
    ['a text without an end', 'SET', []],
    ['a text that stays for an hour', 'SET', ['PX', '3600000']],
  ])('holds nobody up when a lock is %s', async (_what, command, more) => {
    const monitor = await redis.monitor();
    const names = () => monitor.lines.flatMap((line) => line.match(/ca:lock:[^"]+/g) ?? []);
    upstream.respondNext({ status: 503 });
    await one.ask(ID, SECRET);
    await until(() => names().length > 0);
    monitor.stop();
    await keys('ca:lock:*', 0);
    await redis.command(command, names()[0] ?? '', 'foreign', ...more);
    expect((await two.ask(ID, SECRET)).serial).toBe(1);
    expect(two.outcomes('lock')).toContain('tampered');
  });

  it('does not outlive the token if somebody prolongs it', async () => {
    await one.ask(ID, SECRET);
    const key = await tokenKey();
    await redis.command('PERSIST', key);
    expect((await two.ask(ID, SECRET)).serial).toBe(2);
    await until(async () => Number(await redis.command('PTTL', key)) > 0);
    await redis.command('PEXPIRE', key, '900000000');
    const three = await start();
    expect((await three.ask(ID, SECRET)).serial).toBe(3);
    await three.close();
  });
});
