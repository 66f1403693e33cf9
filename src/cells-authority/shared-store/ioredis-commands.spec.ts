import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { closedPort } from '../../../test/support/closed-port.js';
import { describeWithRedis, RedisServer } from '../../../test/support/redis-server.js';
import { ScriptedRedis } from '../../../test/support/scripted-redis.js';
import { completeOptions } from '../cells-authority.options.js';
import { borrowRedis, connectToRedis } from './ioredis-commands.js';
import { openSharedStore } from './open-shared-store.js';
import { parseRedisUrl } from './redis-address.js';
import { ForeignType, type RedisCommands, RedisRefusal, type RedisSignal } from './redis-commands.js';

const SECRET = 'the-secret-of-the-shared-store-0001';

/** Connects, and waits for the first signal. */
async function connected(url: string): Promise<{ commands: RedisCommands; signals: RedisSignal[] }> {
  const address = parseRedisUrl(url);
  if (address === undefined) throw new Error('no address');
  const signals: RedisSignal[] = [];
  const commands = await new Promise<RedisCommands>((resolve) => {
    const connecting = connectToRedis(address, (signal) => {
      signals.push(signal);
      resolve(connecting);
    });
  });
  return { commands, signals };
}

describe('A connection to Redis that fails', () => {
  it('is told: nobody listens', async () => {
    const { commands, signals } = await connected(`redis://127.0.0.1:${await closedPort()}`);
    commands.disconnect();
    expect([signals[0], commands.ready]).toEqual(['unreachable', false]);
    await expect(commands.ping()).rejects.toThrow('Redis did not answer');
  });

  it('is told: it hangs up', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).destroySoon();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { commands, signals } = await connected(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`);
    commands.disconnect();
    expect([signals[0], commands.ready]).toEqual(['hung_up', false]);
    server.close();
    await once(server, 'close');
  });
});

describe('A value of Redis', () => {
  it.each([
    [':5\r\n', ':50000\r\n'],
    ['*1\r\n$1\r\nx\r\n', ':50000\r\n'],
    ['$1\r\nx\r\n', '+soon\r\n'],
    ['$1\r\nx\r\n', '$8\r\nInfinity\r\n'],
    ['$1\r\nx\r\n', '*2\r\n:1\r\n:2\r\n'],
  ])('is of a foreign type when Redis answers %p and %p', async (value, life) => {
    const redis = await ScriptedRedis.start(([name]) => (name === 'get' ? value : name === 'pttl' ? life : undefined));
    const { commands } = await connected(redis.url);
    await expect(commands.get('key')).rejects.toMatchObject({ name: 'RedisRefusal', keys: ['key'] });
    commands.disconnect();
    await redis.close();
  });

  it.each([
    ['$-1\r\n', ':-2\r\n', undefined],
    ['$1\r\nx\r\n', ':50000\r\n', 50_000],
    ['$1\r\nx\r\n', ':-1\r\n', 0],
    // A client of the host may have the option stringNumbers.
    ['$1\r\nx\r\n', '$5\r\n50000\r\n', 50_000],
  ])('is read from %p and %p', async (value, life, lifeMs) => {
    const redis = await ScriptedRedis.start(([name]) => (name === 'get' ? value : name === 'pttl' ? life : undefined));
    const { commands } = await connected(redis.url);
    expect((await commands.get('key'))?.lifeMs).toBe(lifeMs);
    commands.disconnect();
    await redis.close();
  });
});

describeWithRedis('The commands of Redis', () => {
  let redis: RedisServer;
  let commands: RedisCommands;
  let signals: RedisSignal[];

  beforeAll(async () => {
    redis = await RedisServer.start();
    ({ commands, signals } = await connected(redis.url));
  });
  beforeEach(() => redis.command('FLUSHALL'));
  afterAll(async () => {
    commands.disconnect();
    await redis.kill();
  });

  it('can be sent once it is ready', () => {
    expect([commands.ready, signals]).toEqual([true, ['ready']]);
  });

  it('keep a value for whole milliseconds, and one at least', async () => {
    await commands.set('key', Buffer.from([0xff]), 5000.9);
    const found = await commands.get('key');
    expect(found?.value).toEqual(Buffer.from([0xff]));
    expect(found?.lifeMs).toBeGreaterThan(4000);
    expect(found?.lifeMs).toBeLessThanOrEqual(5000);
    await commands.set('short', 'x', 0.5);
    while ((await redis.command('EXISTS', 'short')) !== 0) await commands.ping();
    expect(await commands.get('short')).toBeUndefined();
  });

  it('take a value without an end for one with no life', async () => {
    await redis.command('SET', 'key', 'x');
    expect(await commands.get('key')).toEqual({ value: Buffer.from('x'), lifeMs: 0 });
  });

  it('run scripts with keys and values', async () => {
    expect(await commands.run('return {KEYS[1], KEYS[2], ARGV[1]}', ['a', 'b'], [7])).toEqual(['a', 'b', '7']);
  });

  it('tell a refusal from a key of another type, and show nothing of the command', async () => {
    await redis.command('RPUSH', 'list', 'x');
    const [refused, foreign] = await Promise.all([
      commands.run('nonsense', ['list'], ['a-secret']).catch((error: unknown) => error),
      commands.get('list').catch((error: unknown) => error),
    ]);
    expect(refused).toBeInstanceOf(RedisRefusal);
    expect(refused).not.toBeInstanceOf(ForeignType);
    expect(String(refused)).toBe('RedisRefusal: Redis refused a command');
    expect(refused).not.toHaveProperty('cause');
    expect(foreign).toBeInstanceOf(ForeignType);
    expect(foreign).toMatchObject({ keys: ['list'] });
  });

  it('use the database of the URL, and none when it is not there', async () => {
    const third = await connected(`${redis.url}/3`);
    await third.commands.set('key', 'x', 5000);
    third.commands.disconnect();
    expect(await commands.get('key')).toBeUndefined();
    const missing = await connected(`${redis.url}/99`);
    expect([missing.signals[0], missing.commands.ready]).toEqual(['database', false]);
    missing.commands.disconnect();
  });

  it('are refused without the password', async () => {
    const locked = await RedisServer.start({ settings: [['requirepass', 'right']] });
    const [none, wrong, right] = await Promise.all(
      ['', ':wrong@', ':right@'].map((login) => connected(`redis://${login}127.0.0.1:${locked.port}`)),
    );
    for (const each of [none, wrong, right]) each?.commands.disconnect();
    await locked.kill();
    expect([none?.signals[0], wrong?.signals[0], right?.signals[0]]).toEqual(['password', 'password', 'ready']);
  });

  it('can be sent over a client of the host, which stays open', async () => {
    const client = new Redis({ port: redis.port });
    const told: RedisSignal[] = [];
    const borrowed = borrowRedis(client, (signal) => told.push(signal));
    await once(client, 'ready');
    expect([borrowed.ready, told]).toEqual([true, ['ready']]);
    borrowed.disconnect();
    expect(client.listenerCount('error') + client.listenerCount('ready') + client.listenerCount('connect')).toBe(0);
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  it('are opened as the options say, or not at all', async () => {
    const observe = () => undefined;
    const clock = () => performance.now();
    const open = (settings: Parameters<typeof completeOptions>[0]) =>
      openSharedStore(completeOptions(settings), clock, observe, 1000, () => Date.now());
    expect(await open({ tokenCache: 'memory' })).toBeUndefined();
    const store = await open({ tokenCache: 'redis', redisUrl: redis.url, tokenCacheSecret: SECRET });
    while (store?.available === false) await commands.ping();
    // The marker of its secret shows that it is ready.
    while ((await redis.command('EXISTS', 'ca:secrets')) === 0) await commands.ping();
    expect(() => store?.renew({ redisUrl: 'nonsense', tokenCacheSecret: SECRET })).toThrow(
      'redisUrl is not a Redis URL',
    );
    expect(() => store?.renew({ redisUrl: redis.url, tokenCacheSecret: undefined })).toThrow(
      'tokenCacheSecret is missing',
    );
    await store?.onApplicationShutdown();
    expect(store?.available).toBe(false);

    const client = new Redis({ port: redis.port });
    await once(client, 'ready');
    const borrowed = await open({ tokenCache: 'redis', redis: client, tokenCacheSecret: SECRET });
    expect([borrowed?.available, borrowed?.state]).toEqual([true, 'available']);
    await borrowed?.onApplicationShutdown();
    client.disconnect();
  });
});
