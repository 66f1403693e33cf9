import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CellsAuthorityOptions, type SharedStoreTrouble } from '../../src/cells-authority/index.js';
import { CertificateAuthority, type CertificateRequest } from '../support/certificate-authority.js';
import { closedPort } from '../support/closed-port.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { Instance, until } from './instances.js';

const DAY_MS = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), 'redis-trouble-'));
const authority = new CertificateAuthority();

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const CA = `?ca=${encodeURIComponent(file('ca.pem', authority.certificate))}`;

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** On a busy machine a server can seem out of reach until a connection is made in time. */
const IN_REACH = (reason: SharedStoreTrouble): boolean => reason !== 'unreachable';

/** The first such reason that an instance gives for not using this Redis. */
async function reasonOf(
  redisUrl: string,
  options: CellsAuthorityOptions = {},
  isSuch = IN_REACH,
): Promise<SharedStoreTrouble | undefined> {
  const instance = await Instance.start({ redisUrl, ...options });
  const reason = () =>
    instance.events
      .flatMap((event) => (event.type === 'shared_store' && event.reason !== undefined ? [event.reason] : []))
      .find(isSuch);
  try {
    await until(() => reason() !== undefined && instance.store.state === reason());
    expect(JSON.stringify(instance.events)).not.toContain('hidden');
    expect(instance.store.available).toBe(false);
    return reason();
  } finally {
    await instance.close();
  }
}

async function reasonWithCertificate(request: CertificateRequest, parameters = CA): Promise<unknown> {
  const server = createTlsServer(authority.issue(request)).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => undefined);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    return await reasonOf(`rediss://:hidden@127.0.0.1:${port}${parameters}`);
  } finally {
    server.close();
  }
}

describe('Why TLS to Redis fails', () => {
  it('is told: the certificate has expired', async () => {
    expect(await reasonWithCertificate({ notAfter: new Date(Date.now() - DAY_MS / 2) })).toBe('certificate_expired');
  });

  it('is told: the certificate is for another host', async () => {
    expect(await reasonWithCertificate({ hosts: ['redis.example.com'] })).toBe('certificate_wrong_host');
  });

  it('is told: the certificate is not trusted', async () => {
    expect(await reasonWithCertificate({}, '')).toBe('certificate_untrusted');
  });

  it('is told: the other end never finishes the handshake', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    expect(await reasonOf(`rediss://:hidden@127.0.0.1:${(silent.address() as AddressInfo).port}`)).toBe('tls_failed');
    silent.close();
  });
});

describeWithRedis('Why Redis cannot be used', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(async () => {
    await redis.kill();
  });
  afterEach(async () => {
    await redis.command('CONFIG', 'SET', 'requirepass', '');
  });

  it.each(['', ':hidden@', 'somebody:hidden@'])('is told: the password (%p)', async (user) => {
    await redis.command('CONFIG', 'SET', 'requirepass', 'right');
    expect(await reasonOf(`redis://${user}127.0.0.1:${redis.port}`)).toBe('password');
  });

  it('is told: there is no such database, and no other one is used', async () => {
    expect(await reasonOf(`${redis.url}/99`)).toBe('database');
    expect(await redis.command('DBSIZE')).toBe(0);
  });

  it('is told: the user may not select the database', async () => {
    await redis.command('ACL', 'SETUSER', 'cells', 'on', '>hidden', '~ca:*', '-@all', '+info', '+hello', '+client');
    expect(await reasonOf(`redis://cells:hidden@127.0.0.1:${redis.port}/1`)).toBe('permission');
  });

  it('is told: nobody is there', async () => {
    expect(await reasonOf(`redis://127.0.0.1:${await closedPort()}`, {}, () => true)).toBe('unreachable');
  });

  it.each(['', '?cluster'])('is told: it speaks no TLS (%p)', async (parameters) => {
    expect(await reasonOf(`rediss://:hidden@127.0.0.1:${redis.port}${parameters}`)).toBe('tls_failed');
  });

  it('is told: it hangs up on clients without TLS, or without a certificate', async () => {
    const { key, cert } = authority.issue();
    const secure = await RedisServer.start({
      tls: { cert: file('cert.pem', cert), key: file('key.pem', key), ca: join(folder, 'ca.pem') },
    });
    const { port } = secure;
    const plain = await reasonOf(`redis://127.0.0.1:${port}`);
    const anonymous = await reasonOf(`rediss://127.0.0.1:${port}${CA}`);
    const stranger = new CertificateAuthority().issue();
    const own = `&cert=${encodeURIComponent(file('own.pem', stranger.cert))}&key=${encodeURIComponent(file('own.key', stranger.key))}`;
    const instance = await Instance.start({ redisUrl: `rediss://127.0.0.1:${port}${CA}${own}` });
    await until(() => instance.outcomes('connection').includes('unavailable'));
    file('own.pem', cert);
    file('own.key', key);
    // Used from the next connection on, even if it was not there at the start.
    await instance.connected();
    await instance.close();
    await secure.kill();
    expect({ plain, anonymous }).toEqual({ plain: 'hung_up', anonymous: 'hung_up' });
  });

  it('is told again when the reason changes, and each once a minute', async () => {
    await redis.command('CONFIG', 'SET', 'requirepass', 'right');
    const instance = await Instance.start({ redisUrl: `redis://:hidden@127.0.0.1:${redis.port}` });
    const reasons = () => instance.events.map((event) => (event.type === 'shared_store' ? event.reason : event.type));
    await until(() => reasons().includes('password'));
    redis = await redis.restart();
    await until(() => instance.store.available);
    await redis.kill();
    await until(() => instance.store.state === 'unreachable');
    redis = await redis.restart();
    await until(() => instance.store.available);
    await redis.kill();
    await until(() => !instance.store.available);
    expect(reasons().filter((reason) => reason === 'unreachable')).toHaveLength(1);
    await instance.close();
    redis = await redis.restart();
  });

  it('is not reported for another secret, which is reported separately', async () => {
    const start = async (tokenCacheSecret: string) =>
      (await Instance.start({ redisUrl: redis.url, tokenCacheSecret })).connected();
    const [old, other, recent] = ['old', 'other', 'new'].map((word) => word.repeat(16)) as [string, string, string];
    const told: (readonly [string, boolean])[] = [];
    for (const secrets of [old, `${recent},${old}`, recent, other]) {
      const instance = await start(secrets);
      await until(async () => Number(await redis.command('EXISTS', 'ca:secrets')) === 1);
      // Whatever is asked after the comparison is answered after it.
      await instance.ask('client', 'secret');
      told.push([secrets, instance.outcomes('connection').includes('other_secret')]);
      expect(instance.store.available).toBe(true);
      await instance.close();
    }
    expect(told).toEqual([
      [old, false],
      [`${recent},${old}`, false],
      [recent, false],
      [other, true],
    ]);
    expect(await redis.command('GET', 'ca:secrets')).toMatch(/^[\w-]{16}$/);
  });
});
