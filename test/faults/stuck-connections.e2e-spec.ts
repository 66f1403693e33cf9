import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { destroyStuckConnections } from '../../src/http/stuck-connections.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { type BuiltService, startBuiltService } from '../support/built-service.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { type RunningService, startService } from '../support/service.js';
import { KeepAliveClient } from './load.js';
import { caFile, settled } from './resources.js';

const PATH = '/v4.0/cells/connect/token';
const SECRET = 'stuck-secret-0123456789';
const HEAD = `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
/** Loading its modules takes a few hundred. */
const OPEN_FILES = 1024;

/** Opens a connection that the client never closes. */
async function silentPeer(port: number, bytes: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  return socket.resume();
}

function openConnections({ app }: RunningService): Promise<number> {
  return new Promise((resolve, reject) => {
    app.getHttpServer().getConnections((error: Error | null, count: number) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

async function allGone(service: RunningService): Promise<void> {
  while ((await openConnections(service)) > 0) await new Promise((resolve) => setTimeout(resolve, 100));
}

const lastAnswers: [string, string][] = [
  ['a request that is not finished in time', `${HEAD}X: `],
  ['a body that is not finished in time', `${HEAD}Content-Length: 10\r\n\r\nx`],
  ['headers that are too large', `${HEAD}X: ${'x'.repeat(20_000)}\r\n\r\n`],
  ['a body that is too large', `${HEAD}Content-Length: 20000\r\n\r\nx`],
  ['what is not HTTP', 'nonsense\r\n\r\n'],
  ['a connection that the client wants closed', 'GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  ['HTTP/1.0', 'GET /health/live HTTP/1.0\r\n\r\n'],
];

describe('A connection whose other side is silent', () => {
  it('is let go of soon after its last answer', async () => {
    const service = await startService({});
    const port = Number(new URL(service.origin).port);
    const peers = await Promise.all(lastAnswers.map(([, bytes]) => silentPeer(port, bytes)));
    await settled(() => peers.every(({ bytesRead }) => bytesRead > 0));
    await allGone(service);
    for (const peer of peers) peer.destroy();
    await service.close();
  }, 60_000);

  it('is let go of in the middle of a TLS handshake, and after an answer over TLS', async () => {
    const { cert, key } = new CertificateAuthority().issue();
    const service = await startService({ TLS_CERT_FILE: caFile(cert), TLS_KEY_FILE: caFile(key) });
    const port = Number(new URL(service.origin).port);
    const peers = await Promise.all(
      ['', '\x16\x03', lastAnswers[0]?.[1] ?? ''].map((bytes) => silentPeer(port, bytes)),
    );
    expect(await openConnections(service)).toBeGreaterThan(0);
    await allGone(service);
    for (const peer of peers) peer.destroy();
    await service.close();
  }, 60_000);
});

describe('destroyStuckConnections', () => {
  const limits = { checkEveryMs: 20, lingerMs: 100, stalledMs: 300 };
  const block = Buffer.alloc(64 * 1024 * 1024);

  it.each([
    ['cuts off who does not read', true],
    ['leaves alone what has time limits of its own', false],
  ])('%s', async (_, cut) => {
    const server = createServer((_request, response) => response.end(block));
    destroyStuckConnections(server, () => !cut, limits);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const served = once(server, 'connection') as Promise<[Socket]>;
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1')
      .on('error', () => undefined)
      .pause();
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const [socket] = await served;
    const closed = once(socket, 'close').then(() => true);
    const later = new Promise((resolve) => setTimeout(resolve, 5 * limits.stalledMs, false));
    expect(await (cut ? closed : Promise.race([closed, later]))).toBe(cut);
    client.destroy();
    server.close();
  });

  it('does not cut off slow readers', async () => {
    const pieces = Array.from({ length: 1024 }, () => block.subarray(0, 64 * 1024));
    const server = createServer((_, response) => Readable.from(pieces).pipe(response));
    destroyStuckConnections(server, () => false, { ...limits, stalledMs: 2000 });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    let pauses = 0;
    client.on('data', () => {
      if (client.bytesRead < (pauses + 1) * 8 * 1024 * 1024) return;
      pauses += 1;
      client.pause();
      setTimeout(() => client.resume(), 500);
    });
    await once(client, 'close');
    expect(client.bytesRead).toBeGreaterThan(block.length);
    server.close();
  });
});

describe(`A limit of ${OPEN_FILES} open files`, () => {
  let upstream: AsposeLimits;
  let service: BuiltService;
  beforeAll(async () => {
    upstream = await AsposeLimits.start({ clients: [['stuck', SECRET]] });
    service = await startBuiltService({
      env: { UPSTREAM_TOKEN_URL: upstream.tokenUrl, TOKEN_CACHE: 'off', SHUTDOWN_GRACE_MS: '0' },
      openFiles: OPEN_FILES,
    });
  }, 120_000);
  afterAll(async () => {
    await service.stop();
    await upstream.close();
  });

  it('leaves files for the authorization server, and connections to all once the half-open ones are gone', async () => {
    const port = Number(new URL(service.origin).port);
    const client = new KeepAliveClient();
    const token = () => client.post(service.origin, PATH, `client_id=stuck&client_secret=${SECRET}`);
    expect((await token()).status).toBe(200);
    const peers = await Promise.all(Array.from({ length: OPEN_FILES }, () => silentPeer(port, `${HEAD}X: `)));
    const dropped = () => peers.filter(({ destroyed, readableEnded }) => destroyed || readableEnded).length;
    await settled(() => dropped() >= OPEN_FILES * 0.25);
    await settled(() => service.output().includes(`Connections are refused: ${OPEN_FILES * 0.75} are open`));
    expect((await token()).status).toBe(200);

    const another = () => new KeepAliveClient().get(service.origin, '/health/live').catch(() => undefined);
    while ((await another())?.status !== 200) await new Promise((resolve) => setTimeout(resolve, 100));
    for (const peer of peers) peer.destroy();
    client.close();
  }, 60_000);
});
