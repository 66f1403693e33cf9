import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { HostileTls } from '../../../test/redis/hostile-tls.js';
import { CertificateAuthority } from '../../../test/support/certificate-authority.js';
import { closedPort } from '../../../test/support/closed-port.js';
import { closedAtTheEnd } from '../../../test/support/leftovers.js';
import { describeWithRedis, RedisServer } from '../../../test/support/redis-server.js';
import { type Script, ScriptedRedis } from '../../../test/support/scripted-redis.js';
import { borrowRedis, connectToRedis } from './ioredis-commands.js';
import { parseRedisUrl } from './redis-address.js';
import { ForeignType, type RedisCommands, RedisRefusal, type RedisSignal } from './redis-commands.js';

interface Connection {
  readonly commands: RedisCommands;
  readonly signals: RedisSignal[];
  /** Waits until there have been so many signals. */
  signalled(count: number): Promise<void>;
}

function connecting(url: string): Connection {
  const address = parseRedisUrl(url);
  if (address === undefined) throw new Error('no address');
  const signals: RedisSignal[] = [];
  let told: () => void = () => undefined;
  const commands = connectToRedis(address, (signal) => {
    signals.push(signal);
    told();
  });
  closedAtTheEnd({
    close: () => {
      commands.disconnect();
      return Promise.resolve();
    },
  });
  const signalled = async (count: number) => {
    while (signals.length < count) {
      await new Promise<void>((resolve) => {
        told = resolve;
      });
    }
  };
  return { commands, signals, signalled };
}

/** Connects, and waits for the first signal. */
async function connected(url: string): Promise<Connection> {
  const connection = connecting(url);
  await connection.signalled(1);
  return connection;
}

/** Answers to some commands, by their names; the other ones get the right answer. */
const answering =
  (answers: Record<string, string>): Script =>
  ([name = '']) =>
    answers[name.toLowerCase()];

/** A Sentinel that knows one master, and no other Sentinel. */
const naming =
  (host: string, port: number): Script =>
  ([name, what]) => {
    if (name !== 'sentinel') return undefined;
    const words = what === 'sentinels' ? [] : [host, String(port)];
    return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
  };

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

  it('is told: it hangs up, and then nobody listens any more', async () => {
    const server = createServer((socket) => {
      server.close();
      socket.on('error', () => undefined).destroySoon();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { commands, signals, signalled } = connecting(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await signalled(2);
    commands.disconnect();
    expect(signals).toEqual(['hung_up', 'unreachable']);
  });

  it('is told: it goes away after it was used', async () => {
    const redis = await ScriptedRedis.start();
    const { commands, signals, signalled } = await connected(redis.url);
    await redis.close();
    await signalled(2);
    commands.disconnect();
    expect(signals).toEqual(['ready', 'unreachable']);
  });

  it('is told: it ends in the middle of the TLS handshake', async () => {
    const server = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .once('data', () => {
          socket.destroySoon();
        });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { commands, signals } = await connected(`rediss://127.0.0.1:${(server.address() as AddressInfo).port}`);
    commands.disconnect();
    server.close();
    expect(signals[0]).toBe('tls_failed');
  });

  it('is told: the database may not be used, and no other one is', async () => {
    const redis = await ScriptedRedis.start(answering({ select: '-NOPERM this user has no permissions\r\n' }));
    const { commands, signals } = await connected(`${redis.url}/1`);
    expect([signals, commands.ready]).toEqual([['permission'], false]);
    commands.disconnect();
    await redis.close();
  });

  it('refuses a command under way, and does not send it again later', async () => {
    const redis = await ScriptedRedis.start(([name], socket) => {
      if (name === 'set') socket.destroy();
      return undefined;
    });
    const { commands, signalled } = await connected(redis.url);
    await expect(commands.set('key', 'x', 1000)).rejects.toThrow('Redis did not answer');
    await signalled(3);
    await commands.ping();
    expect(redis.commands.filter(([name]) => name === 'set')).toHaveLength(1);
    commands.disconnect();
    await redis.close();
  });
});

describe('A connection to Redis', () => {
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it.each(['', '?cluster', '?sentinel=main'])('refuses commands until it is there (%p)', async (parameters) => {
    const redis = await ScriptedRedis.start();
    redis.script = naming('127.0.0.1', redis.port);
    const { commands, signalled } = connecting(redis.url + parameters);
    await expect(commands.ping()).rejects.toThrow('Redis did not answer');
    await signalled(1);
    commands.disconnect();
    await redis.close();
  });

  it('says that no Sentinel knows the master, and waits until one does', async () => {
    const redis = await ScriptedRedis.start();
    const sentinel = await ScriptedRedis.start(([, what]) => {
      if (what !== 'get-master-addr-by-name') return undefined;
      sentinel.script = naming('127.0.0.1', redis.port);
      return '*-1\r\n';
    });
    const { commands, signals, signalled } = connecting(`${sentinel.url}?sentinel=main`);
    await signalled(2);
    expect([signals, commands.ready]).toEqual([['unreachable', 'ready'], true]);
    commands.disconnect();
    await redis.close();
    await sentinel.close();
  });

  it('is tried again soon, then less and less often, and every two seconds at last', async () => {
    const url = `redis://127.0.0.1:${await closedPort()}`;
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const { commands, signals, signalled } = connecting(url);
    for (const [before, delayMs] of [100, 200, 400, 800, 1600, 2000, 2000].entries()) {
      await signalled(before + 1);
      // The only timer is the one for the next attempt.
      while (jest.getTimerCount() === 0) await turn();
      jest.advanceTimersByTime(delayMs - 1);
      expect(jest.getTimerCount()).toBe(1);
      jest.advanceTimersByTime(1);
      expect(signals).toHaveLength(before + 1);
    }
    await signalled(8);
    commands.disconnect();
  });

  it('is ended for good', async () => {
    const redis = await ScriptedRedis.start();
    const { commands } = await connected(redis.url);
    const [socket] = redis.sockets;
    commands.disconnect();
    if (socket?.closed === false) await once(socket, 'close');
    expect([redis.sockets.size, redis.connections]).toEqual([0, 1]);
    await redis.close();
  });

  it('is made anew when Redis has become read-only, once a minute at most', async () => {
    const redis = await ScriptedRedis.start(answering({ set: '-READONLY You cannot write against a replica\r\n' }));
    const { commands, signalled } = await connected(redis.url);
    const write = () => commands.set('key', 'x', 1000).catch((error: unknown) => error);
    const now = jest.spyOn(performance, 'now');

    now.mockReturnValue(1_000_000);
    expect(await write()).toBeInstanceOf(RedisRefusal);
    await signalled(3);
    now.mockReturnValue(1_059_999);
    expect(await write()).toBeInstanceOf(RedisRefusal);
    await commands.ping();
    expect([commands.ready, redis.connections]).toEqual([true, 2]);
    now.mockReturnValue(1_060_000);
    await write();
    await signalled(5);
    expect(redis.connections).toBe(3);

    commands.disconnect();
    await redis.close();
  });

  it('stays when Redis refuses a command for another reason', async () => {
    const redis = await ScriptedRedis.start(answering({ set: '-OOM command not allowed\r\n' }));
    const { commands, signals } = await connected(redis.url);
    await expect(commands.set('key', 'x', 1000)).rejects.toBeInstanceOf(RedisRefusal);
    await commands.ping();
    expect([signals, redis.connections]).toEqual([['ready'], 1]);
    commands.disconnect();
    await redis.close();
  });
});

describe('A connection to Redis with TLS', () => {
  const authority = new CertificateAuthority();
  let folder: string;
  let ca: string;
  let redis: ScriptedRedis;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ioredis-commands-'));
    const file = join(folder, 'ca.pem');
    writeFileSync(file, authority.certificate);
    ca = `ca=${encodeURIComponent(file)}`;
  });
  beforeEach(async () => {
    redis = await ScriptedRedis.start(undefined, authority.issue({ hosts: ['localhost'] }));
  });
  afterEach(() => redis.close());
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** Connects and writes a value. */
  async function write(url: string): Promise<RedisSignal[]> {
    const { commands, signals } = await connected(url);
    await commands.set('key', 'x', 5000).catch(() => undefined);
    commands.disconnect();
    return signals;
  }

  const written = () => redis.commands.filter(([name]) => name === 'set');
  const WRITTEN = [['set', 'key', 'x', 'PX', '5000']];

  it('verifies the name of the host', async () => {
    expect((await write(`rediss://localhost:${redis.port}?${ca}`))[0]).toBe('ready');
    expect(written()).toEqual(WRITTEN);
    expect((await write(`${redis.url}?${ca}`))[0]).toBe('certificate_wrong_host');
    expect(written()).toEqual(WRITTEN);
  });

  it('goes to the node of a Cluster that has the key, and verifies the names of all', async () => {
    const startNode = await ScriptedRedis.start(
      ([name, what]) => {
        if (name !== 'cluster') return undefined;
        if (what?.toLowerCase() !== 'slots') return '$16\r\ncluster_state:ok\r\n';
        return `*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\nlocalhost\r\n:${redis.port}\r\n$2\r\nid\r\n`;
      },
      authority.issue({ hosts: ['localhost'] }),
    );
    redis.script = startNode.script;
    expect((await write(`rediss://localhost:${startNode.port}?cluster&${ca}`))[0]).toBe('ready');
    expect(written()).toEqual(WRITTEN);
    expect(await write(`${startNode.url}?cluster&${ca}`)).not.toContain('ready');
    expect(written()).toEqual(WRITTEN);
    await startNode.close();
  });

  it('is made to the master that the Sentinels name, with a login for each', async () => {
    const certificate = authority.issue({ hosts: ['localhost'] });
    const sentinel = await ScriptedRedis.start(naming('localhost', redis.port), certificate);
    const parameters = `sentinel=main&sentinelUsername=guard&sentinelPassword=watch&${ca}`;
    expect((await write(`rediss://:data@localhost:${sentinel.port}?${parameters}`))[0]).toBe('ready');
    expect(sentinel.commands).toContainEqual(['hello', '3', 'AUTH', 'guard', 'watch']);
    expect(sentinel.commands).toContainEqual(['sentinel', 'get-master-addr-by-name', 'main']);
    expect(redis.commands).toContainEqual(['hello', '3', 'AUTH', 'default', 'data']);
    expect(written()).toEqual(WRITTEN);
    await sentinel.close();
  });

  it('outlives two errors at once of the master that the Sentinels name', async () => {
    const hostile = await HostileTls.start();
    const certificate = authority.issue({ hosts: ['localhost'] });
    const sentinel = await ScriptedRedis.start(naming('localhost', hostile.port), certificate);
    const { commands, signals, signalled } = connecting(`rediss://localhost:${sentinel.port}?sentinel=main&${ca}`);
    await signalled(3);
    commands.disconnect();
    expect(signals).toEqual(Array.from({ length: 3 }, () => 'certificate_untrusted'));
    await sentinel.close();
    await hostile.close();
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
    // It ended, or was written, between the two answers.
    ['$1\r\nx\r\n', ':-2\r\n', undefined],
    ['$-1\r\n', ':50000\r\n', undefined],
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

  it('cannot be sent once a client of the host has lost its connection', async () => {
    const lost = await ScriptedRedis.start();
    const client = new Redis({ port: lost.port, retryStrategy: () => null });
    const told: RedisSignal[] = [];
    const borrowed = borrowRedis(client, (signal) => told.push(signal));
    await once(client, 'ready');
    const closed = once(client, 'close');
    await lost.close();
    await closed;
    expect([borrowed.ready, told]).toEqual([false, ['ready', 'unreachable']]);
    borrowed.disconnect();
  });
});
