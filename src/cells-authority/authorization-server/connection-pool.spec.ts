import { once } from 'node:events';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '../../../test/support/certificate-authority.js';
import { TestProxy } from '../../../test/support/forward-proxy.js';
import { closedAtTheEnd } from '../../../test/support/leftovers.js';
import { completeOptions } from '../cells-authority.options.js';
import { CertificateAuthorities } from '../certificate-authorities.js';
import { ForwardProxy } from '../forward-proxy.js';
import { type ConnectionPool, openConnectionPool, type UpstreamRequest } from './connection-pool.js';
import { type UpstreamResponse } from './token-exchange.js';
import { TransportFailure } from './transport-failure.js';

const REQUEST: UpstreamRequest = { path: '/t?a', headers: {}, body: 'form', timeoutMs: 2000, ownConnection: false };
const CA = new CertificateAuthority();

/** Starts a server that closes with the test. */
async function listening(server: Server): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closedAtTheEnd({
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

/** Answers each request with what came in. */
function echo() {
  return createServer((request, response) => {
    void request.toArray().then((chunks: unknown[]) => {
      const body = chunks.map(String).join('');
      response.setHeader('Retry-After', '7');
      response.end([request.method, request.url, request.headers['x-a'], body].join(' '));
    });
  });
}

async function outcomeOf(answer: Promise<UpstreamResponse>): Promise<string> {
  try {
    const { status, body } = await answer;
    return `${status} ${body}`;
  } catch (error) {
    if (!(error instanceof TransportFailure)) throw error;
    return `${error.kind} ${error.code}${error.unseen ? ' unseen' : ''}`;
  }
}

describe('ConnectionPool', () => {
  let folder: string;
  let caFile: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pool-'));
    caFile = join(folder, 'ca.pem');
  });
  beforeEach(() => {
    writeFileSync(caFile, CA.certificate);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const poolFor = (origin: string, settings: Parameters<typeof completeOptions>[0] = {}): ConnectionPool => {
    const pool = openConnectionPool(completeOptions({ upstreamTokenUrl: `${origin}/t`, ...settings }));
    closedAtTheEnd({ close: () => pool.destroy() });
    return pool;
  };

  it('sends requests one after the other on a connection that is kept', async () => {
    const { port, sockets } = await listening(echo());
    const pool = poolFor(`http://127.0.0.1:${port}`, { upstreamMaxConnections: 1 });
    expect(pool.connections).toBe(0);
    const answer = await pool.exchange({ ...REQUEST, headers: { 'x-a': 'b' } });
    expect(answer).toEqual({ status: 200, retryAfter: '7', body: 'POST /t?a b form' });
    expect(await outcomeOf(pool.exchange(REQUEST))).toBe('200 POST /t?a  form');
    expect([sockets.length, pool.connections]).toEqual([1, 1]);
  });

  it('opens no more connections than it may', async () => {
    const { port, sockets } = await listening(echo());
    const pool = poolFor(`http://127.0.0.1:${port}`, { upstreamMaxConnections: 2 });
    await Promise.all([1, 2, 3, 4].map(() => pool.exchange(REQUEST)));
    expect([sockets.length, pool.connections]).toEqual([2, 2]);
  });

  it('opens a connection for one request alone, and closes it afterwards', async () => {
    const { port, sockets } = await listening(echo());
    const pool = poolFor(`http://127.0.0.1:${port}`);
    await pool.exchange(REQUEST);
    const alone = pool.exchange({ ...REQUEST, ownConnection: true });
    expect(pool.connections).toBe(2);
    expect(await outcomeOf(alone)).toBe('200 POST /t?a  form');
    expect([sockets.length, pool.connections]).toEqual([2, 1]);
    if (sockets[1]?.closed === false) await once(sockets[1], 'close');
    expect(sockets[0]?.closed).toBe(false);
  });

  it('knows that a kept connection was closed just as it was used', async () => {
    let requests = 0;
    const { port } = await listening(
      createServer((request, response) => {
        requests += 1;
        if (requests === 1) response.end();
        else request.socket.destroy();
      }),
    );
    const pool = poolFor(`http://127.0.0.1:${port}`, { upstreamMaxConnections: 1 });
    await pool.exchange(REQUEST);
    expect(await outcomeOf(pool.exchange(REQUEST))).toBe('connection_lost UND_ERR_SOCKET unseen');
    expect(await outcomeOf(pool.exchange(REQUEST))).toBe('connection_lost UND_ERR_SOCKET');
  });

  it('does not take a request for unseen once a byte of its answer came back', async () => {
    let requests = 0;
    const { port } = await listening(
      createServer((request, response) => {
        requests += 1;
        if (requests === 1) response.end();
        else request.socket.end('HTTP/1.1 2');
      }),
    );
    const pool = poolFor(`http://127.0.0.1:${port}`, { upstreamMaxConnections: 1 });
    await pool.exchange(REQUEST);
    expect(await outcomeOf(pool.exchange(REQUEST))).not.toContain('unseen');
  });

  it('ends a request at its time limit, together with its connection', async () => {
    const { port, sockets } = await listening(createTcpServer());
    const pool = poolFor(`http://127.0.0.1:${port}`);
    expect(await outcomeOf(pool.exchange({ ...REQUEST, timeoutMs: 1000 }))).toBe('timeout DEADLINE');
    if (sockets[0]?.closed === false) await once(sockets[0].resume(), 'close');
    expect(sockets).toHaveLength(1);
  });

  it('fails when nobody listens, and when the request cannot be sent at all', async () => {
    const server = createTcpServer();
    const { port } = await listening(server);
    const pool = poolFor(`http://127.0.0.1:${port}`);
    server.close();
    await once(server, 'close');
    expect(await outcomeOf(pool.exchange(REQUEST))).toBe('connect_failed ECONNREFUSED unseen');
    expect(await outcomeOf(pool.exchange({ ...REQUEST, path: 'no path' }))).toBe('connection_lost UND_ERR_INVALID_ARG');
    server.listen(port);
  });

  it('gives up a connection that takes too long, TLS included', async () => {
    const { port, sockets } = await listening(createTcpServer());
    const pool = poolFor(`https://127.0.0.1:${port}`, { upstreamConnectTimeoutMs: 100 });
    expect(await outcomeOf(pool.exchange(REQUEST))).toBe('connect_timeout CONNECT_TIMEOUT');
    if (sockets[0]?.closed === false) await once(sockets[0].resume(), 'close');
  });

  it('ends every connection when it is destroyed', async () => {
    const { port, sockets } = await listening(createTcpServer());
    const pool = poolFor(`http://127.0.0.1:${port}`);
    const pending = [pool.exchange(REQUEST), pool.exchange({ ...REQUEST, ownConnection: true })].map(outcomeOf);
    while (sockets.length < 2) await new Promise(setImmediate);
    await pool.destroy();
    for (const outcome of await Promise.all(pending)) expect(outcome).toMatch(/^connection_lost UND_ERR_/);
    expect(pool.connections).toBe(0);
  });

  it('trusts the authorities of the file only, and the renewed ones on new connections', async () => {
    const server = createTlsServer(CA.issue(), (_request, response) => response.end('ok'));
    const { port } = await listening(server);
    const origin = `https://127.0.0.1:${port}`;
    const untrusting = poolFor(origin);
    expect(await outcomeOf(untrusting.exchange(REQUEST))).toMatch(/^certificate_untrusted /);
    const pool = poolFor(origin, { upstreamCaFile: caFile });
    expect(await outcomeOf(pool.exchange(REQUEST))).toBe('200 ok');
    expect(() => poolFor(origin, { upstreamCaFile: join(folder, 'none') })).toThrow();
  });

  it('stops following its files when it is destroyed', async () => {
    const closed: string[] = [];
    jest.spyOn(CertificateAuthorities.prototype, 'close').mockImplementation(() => void closed.push('authorities'));
    jest.spyOn(ForwardProxy.prototype, 'close').mockImplementation(() => void closed.push('proxy'));
    await poolFor('https://127.0.0.1:1', { upstreamProxyUrl: 'http://127.0.0.1:1' }).destroy();
    await poolFor('https://127.0.0.1:1').destroy();
    jest.restoreAllMocks();
    expect(closed).toEqual(['authorities', 'proxy', 'authorities']);
  });

  it('checks new connections against the authorities that the file has by then', async () => {
    const { port } = await listening(createTlsServer(CA.issue(), (_request, response) => response.end('ok')));
    let pem = new CertificateAuthority().certificate;
    const trusted = jest.spyOn(CertificateAuthorities.prototype, 'pem', 'get').mockImplementation(() => pem);
    const pool = poolFor(`https://127.0.0.1:${port}`, { upstreamCaFile: caFile });
    expect(await outcomeOf(pool.exchange(REQUEST))).toMatch(/^certificate_untrusted /);
    pem = CA.certificate;
    expect(await outcomeOf(pool.exchange(REQUEST))).toBe('200 ok');
    trusted.mockRestore();
  });

  it('goes through the proxy, which sees only the host and the port', async () => {
    const proxy = await TestProxy.start();
    const { port } = await listening(createTlsServer(CA.issue(), (_request, response) => response.end('ok')));
    const settings = { upstreamCaFile: caFile, upstreamProxyUrl: `http://127.0.0.1:${proxy.port}` };
    const pool = poolFor(`https://127.0.0.1:${port}`, settings);
    expect(await outcomeOf(pool.exchange(REQUEST))).toBe('200 ok');
    expect(proxy.targets).toEqual([`127.0.0.1:${port}`]);
    expect(proxy.passed).not.toContain('form');
    proxy.refuseWith = 403;
    expect(await outcomeOf(pool.exchange({ ...REQUEST, ownConnection: true }))).toMatch(/^proxy_refused /);

    const plain = await listening(echo());
    const direct = poolFor(`http://127.0.0.1:${plain.port}`, settings);
    expect(await outcomeOf(direct.exchange(REQUEST))).toBe('200 POST /t?a  form');
    expect(proxy.targets).toHaveLength(2);
  });
});
