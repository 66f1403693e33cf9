import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CellsAuthorityOptions } from '../../src/cells-authority/index.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { HostileTls } from './hostile-tls.js';
import { Instance, until } from './instances.js';

const SECRET = 'c1f0a9d4e2b34f7795a6c1f0a9d4e2b3';
/** Instead of 50 ms, which a busy machine may take for an answer. That it is 50 ms is shown on simulated time. */
const PATIENCE_MS = 1000;
/** Shows that no request waits for Redis to come back. */
const AT_MOST_MS = 5000;

/** The numbers are those of the rows of "Redis faults" in the wire contract; 5 to 7 are in `secrecy` and `sharing`. */
describeWithRedis('When something is wrong with Redis', () => {
  let redis: RedisServer;
  let upstream: AsposeLimits;
  let instances: Instance[];

  beforeEach(async () => {
    redis = await RedisServer.start();
    upstream = await AsposeLimits.start({
      clients: Array.from({ length: 500 }, (_, i): [string, string] => [`client-${i}`, SECRET]),
      record: false,
    });
    instances = [];
  });

  afterEach(async () => {
    await Promise.all(instances.map((instance) => instance.close()));
    await upstream.close();
    await redis.kill();
  });

  async function start(options: CellsAuthorityOptions = {}, patienceMs?: number): Promise<Instance> {
    const instance = await Instance.start(
      Object.assign({ upstreamTokenUrl: upstream.tokenUrl, redisUrl: redis.url }, options),
      patienceMs,
    );
    instances.push(instance);
    return instance;
  }

  const tokens = async (count: number) => {
    await until(async () => ((await redis.command('KEYS', 'ca:token:*')) as string[]).length === count);
  };

  const timed = async (work: Promise<unknown>): Promise<number> => {
    const startedAt = performance.now();
    await work;
    return performance.now() - startedAt;
  };

  const warnings = (instance: Instance) =>
    instance.outcomes('connection').filter((outcome) => outcome === 'unavailable');

  /** Serves, reuses from memory, warns once, and does not wait. */
  async function servesFromMemory(instance: Instance): Promise<void> {
    for (let i = 0; i < 20; i += 1) {
      const took = await timed(
        instance.ask(`client-${i}`, SECRET).then(({ status }) => {
          expect(status).toBe(200);
        }),
      );
      expect(took).toBeLessThan(AT_MOST_MS);
      expect((await instance.ask(`client-${i}`, SECRET)).status).toBe(200);
    }
    expect(upstream.requestCount).toBe(20);
  }

  it('1: down at start: serves from memory, warns once, and uses it when it comes', async () => {
    await redis.kill();
    await start();
    const [instance] = instances;
    if (instance === undefined) throw new Error('not started');
    await servesFromMemory(instance);
    await until(() => warnings(instance).length > 0);
    redis = await RedisServer.start({ port: redis.port });
    await instance.connected();
    await instance.ask('client-100', SECRET);
    await tokens(1);
    expect(warnings(instance)).toHaveLength(1);
    expect(instance.outcomes('connection')).toContain('available');
  });

  it.each(['', ':wrong@', 'somebody:wrong@'])('1: a wrong password (%p): the same', async (user) => {
    await redis.command('CONFIG', 'SET', 'requirepass', 'right');
    const instance = await start({ redisUrl: `redis://${user}127.0.0.1:${redis.port}` });
    await servesFromMemory(instance);
    await until(() => warnings(instance).length > 0);
    if (user === 'somebody:wrong@') await redis.command('ACL', 'SETUSER', 'somebody', 'on', '>wrong', '~ca:*', '+@all');
    else await redis.command('CONFIG', 'SET', 'requirepass', user === '' ? '' : 'wrong');
    await instance.connected();
    await instance.ask('client-100', SECRET);
    await tokens(1);
    expect(warnings(instance)).toHaveLength(1);
  });

  it('1: TLS to a port that does not speak it: serves from memory', async () => {
    const instance = await start({ redisUrl: `rediss://127.0.0.1:${redis.port}` });
    await servesFromMemory(instance);
    expect(instance.store.available).toBe(false);
  });

  it('2: a black hole from the start: serves from memory without waiting for it', async () => {
    const sockets: Socket[] = [];
    const hole = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(hole, 'listening');
    const instance = await start({ redisUrl: `redis://127.0.0.1:${(hole.address() as AddressInfo).port}` });
    await servesFromMemory(instance);
    await instance.close();
    instances = [];
    for (const socket of sockets) socket.destroy();
    hole.close();
  });

  it('2: paused: one patience is spent on it, then it is bypassed, then reuse resumes', async () => {
    const one = await (await start({}, PATIENCE_MS)).connected();
    const two = await (await start({}, PATIENCE_MS)).connected();
    await one.ask('client-0', SECRET);
    await tokens(1);
    redis.pause();
    const first = await timed(
      Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          expect(await timed(one.ask(`client-${i + 1}`, SECRET))).toBeLessThan(AT_MOST_MS);
        }),
      ),
    );
    expect(first).toBeGreaterThan(PATIENCE_MS * 0.9);
    expect(one.store.available).toBe(false);
    for (let i = 21; i < 40; i += 1) {
      const before = one.outcomes('read').length;
      expect((await one.ask(`client-${i}`, SECRET)).status).toBe(200);
      expect(one.outcomes('read').slice(before)).toEqual(['bypassed']);
    }
    redis.resume();
    await one.connected();
    await one.ask('client-50', SECRET);
    await until(async () => ((await redis.command('KEYS', 'ca:token:*')) as string[]).length >= 2);
    const requests = upstream.requestCount;
    expect((await two.ask('client-50', SECRET)).status).toBe(200);
    expect(upstream.requestCount).toBe(requests);
  });

  it('2: paused while another instance fetches: goes on without it', async () => {
    const one = await (await start({}, PATIENCE_MS)).connected();
    const two = await (await start({}, PATIENCE_MS)).connected();
    upstream.latencyMs = 2000;
    const leading = one.ask('client-0', SECRET);
    await until(() => upstream.requestCount === 1);
    const waiting = two.ask('client-0', SECRET);
    await until(() => two.outcomes('lock').includes('taken'));
    redis.pause();
    expect((await leading).status).toBe(200);
    expect((await waiting).status).toBe(200);
    expect(upstream.requestCount).toBe(2);
    redis.resume();
  });

  it('3: killed and restarted under load: no client notices, and reuse resumes', async () => {
    const one = await (await start()).connected();
    const two = await (await start()).connected();
    let asked = 0;
    let stop = false;
    const failed: number[] = [];
    const load = [one, two, one, two].map(async (instance) => {
      while (!stop) {
        const { status } = await instance.ask(`client-${asked % 400}`, SECRET, { scope: `s${(asked / 400) | 0}` });
        if (status !== 200) failed.push(status);
        asked += 1;
      }
    });
    for (let i = 0; i < 2; i += 1) {
      const before = asked;
      await until(() => asked > before + 100);
      redis = await redis.restart();
      await until(() => one.store.available && two.store.available, 8000);
    }
    stop = true;
    await Promise.all(load);
    expect(failed).toEqual([]);
    let scopes = 0;
    await until(async () => {
      const scope = `shared-${(scopes += 1)}`;
      const { serial } = await one.ask('client-499', SECRET, { scope });
      return (await two.ask('client-499', SECRET, { scope })).serial === serial;
    });
  });

  it.each([
    ['full', [['maxmemory', '1']], [['maxmemory', '0']]],
    ['read-only', [['replicaof', '127.0.0.1 1']], [['replicaof', 'no one']]],
  ])('4: %s: reads go on, writes are dropped, until it is well again', async (what, [worse = []], [better = []]) => {
    const configure = (words: string[]) =>
      what === 'full'
        ? redis.command('CONFIG', 'SET', ...words)
        : redis.command('REPLICAOF', ...(words[1] ?? '').split(' '));
    const one = await (await start()).connected();
    await one.ask('client-0', SECRET);
    await tokens(1);
    await configure(worse);
    const two = await (await start()).connected();
    expect(await two.ask('client-0', SECRET)).toMatchObject({ status: 200, serial: 1 });
    await servesAnew(two, 'client-1', 2);
    // When it is read-only, one reconnect is made in case there is a new master.
    await until(() => two.outcomes('lock').includes('refused'));
    await two.connected();
    await servesAnew(two, 'client-2', 3);
    await until(() => two.outcomes('write').includes('refused'));
    expect(await redis.command('KEYS', 'ca:token:*')).toHaveLength(1);
    await configure(better);
    await servesAnew(two, 'client-3', 4);
    await tokens(2);
  });

  async function servesAnew(instance: Instance, clientId: string, serial: number): Promise<void> {
    expect(await instance.ask(clientId, SECRET)).toMatchObject({ status: 200, serial });
  }

  it('gone: holds and counts continue in memory', async () => {
    const one = await (await start()).connected();
    await redis.kill();
    await until(() => !one.store.available);
    for (let minute = 0; minute < 9; minute += 1) {
      expect((await one.ask('client-0', 'wrong-secret')).status).toBe(400);
      one.skip(60);
    }
    const { requests } = upstream.count('client-0', 'wrong-secret');
    expect(requests).toBeGreaterThan(1);
    expect(requests).toBeLessThanOrEqual(4);
    redis = await RedisServer.start();
  });

  it('ends while Redis does not answer', async () => {
    const one = await (await start({}, PATIENCE_MS)).connected();
    redis.pause();
    await one.ask('client-0', SECRET);
    expect(await timed(one.close())).toBeLessThan(AT_MOST_MS);
    instances = [];
    redis.resume();
  });

  it.each(['', '?cluster'])('an untrusted certificate and a broken record in one (%p): outlives both', async (kind) => {
    const hostile = await HostileTls.start();
    const instance = await start({ redisUrl: `rediss://127.0.0.1:${hostile.port}${kind}` });
    await until(() => hostile.connections >= 3);
    await servesFromMemory(instance);
    expect(instance.store.available).toBe(false);
    await instance.close();
    instances = [];
    await hostile.close();
  });

  it('is used over TLS, with a certificate authority, user and password of its own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'redis-tls-'));
    const authority = new CertificateAuthority();
    const { key, cert } = authority.issue();
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const ca = file('ca.pem', authority.certificate);
    const secure = await RedisServer.start({
      tls: { cert: file('cert.pem', cert), key: file('key.pem', key), ca },
      settings: [
        ['tls-auth-clients', 'no'],
        [
          'user',
          'cells',
          'on',
          '>p@ss:word',
          '~ca:*',
          '-@all',
          '+get',
          '+pttl',
          '+type',
          '+set',
          '+eval',
          '+ping',
          '+info',
          '+hello',
          '+client',
          '+del',
          '+getrange',
          '+pexpire',
          '+time',
          '+incr',
          '+zadd',
          '+zrem',
          '+zcard',
          '+zrange',
          '+zremrangebyscore',
        ],
      ],
    });
    const { port } = secure;
    const redisUrl = `rediss://cells:${encodeURIComponent('p@ss:word')}@127.0.0.1:${port}?ca=${encodeURIComponent(ca)}`;
    const one = await (await start({ redisUrl })).connected();
    const two = await (await start({ redisUrl })).connected();
    await one.ask('client-0', SECRET);
    await until(() => one.outcomes('write').includes('done'));
    expect((await two.ask('client-0', SECRET)).serial).toBe(1);
    expect((await two.ask('client-1', 'wrong-secret')).status).toBe(400);
    await until(() => two.outcomes('count').includes('done'));
    two.service.invalidate(JSON.parse((await two.ask('client-0', SECRET)).body).access_token);
    await until(() => two.outcomes('delete').includes('done'));
    expect([...one.events, ...two.events].filter((event) => 'outcome' in event && event.outcome === 'refused')).toEqual(
      [expect.objectContaining({ type: 'upstream_request' })],
    );
    const distrusting = await start({ redisUrl: `rediss://cells:x@127.0.0.1:${port}` });
    expect((await distrusting.ask('client-5', SECRET)).status).toBe(200);
    expect(distrusting.store.available).toBe(false);
    await Promise.all(instances.splice(0).map((instance) => instance.close()));
    await secure.kill();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['redisUrl must be a redis:// or rediss:// URL', 'redis://a,b'],
    ['redisUrl must be a redis:// or rediss:// URL', 'http://127.0.0.1'],
    ['"ca" file of redisUrl must be a readable PEM file', 'rediss://:hidden@127.0.0.1?ca=%2Fnowhere.pem'],
  ])('a setting that cannot work fails the start, and is not quoted: %s', async (message, redisUrl) => {
    const failure = await start({ redisUrl }).catch((error: unknown) => String(error));
    expect(failure).toContain(message);
    expect(failure).not.toContain('hidden');
  });

  it('a missing secret fails the start', async () => {
    await expect(start({ tokenCacheSecret: undefined })).rejects.toThrow(
      'tokenCacheSecret must be 32 characters or more',
    );
  });
});
