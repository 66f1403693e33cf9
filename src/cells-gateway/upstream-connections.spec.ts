import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { type TLSSocket } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CertificateAuthority } from '../../test/support/certificate-authority.js';
import { closedPort } from '../../test/support/closed-port.js';
import { TestProxy } from '../../test/support/forward-proxy.js';
import { type CertificateAuthorities, ForwardProxy, TransportFailure } from '../cells-authority/internal.js';
import { UpstreamConnections, type UpstreamConnectionsOptions, type UpstreamRequest } from './upstream-connections.js';

const CA = new CertificateAuthority();
const ENOUGH_MS = 5000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const fakeTimeouts = () =>
  jest.useFakeTimers({
    now: 1_000_000,
    doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });

describe('Connections to the Cells API', () => {
  let closing: (() => Promise<void>)[] = [];
  let closedFiles: string[];

  beforeEach(() => {
    closedFiles = [];
  });
  afterEach(async () => {
    jest.useRealTimers();
    for (const close of closing.reverse()) await close();
    closing = [];
  });

  async function listening(server: Server): Promise<{ port: number; sockets: Socket[] }> {
    const sockets: Socket[] = [];
    server.on('connection', (socket) => sockets.push(socket.on('error', () => undefined)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    });
    return { port: (server.address() as AddressInfo).port, sockets };
  }

  const trusting = (pem: () => string) =>
    ({
      get pem() {
        return pem();
      },
      close: () => closedFiles.push('authorities'),
    }) as unknown as CertificateAuthorities;

  function connectionsTo(origin: string, options: Partial<UpstreamConnectionsOptions> = {}): UpstreamConnections {
    const connections = new UpstreamConnections({
      origin: new URL(origin),
      connectTimeoutMs: ENOUGH_MS,
      authorities: trusting(() => CA.certificate),
      proxy: undefined,
      ...options,
    });
    closing.push(() => {
      connections.destroy();
      return Promise.resolve();
    });
    return connections;
  }

  const GET: UpstreamRequest = { method: 'GET', path: '/v3.0/cells', headers: ['Host', 'api'], ownConnection: false };

  /** The text that comes back, or the failure. */
  async function get(connections: UpstreamConnections, settings: Partial<UpstreamRequest> = {}): Promise<string> {
    const request = connections.open({ ...GET, ...settings });
    const closed = new Promise((resolve) => request.once('close', resolve));
    try {
      const [response] = (await once(request.end(), 'response')) as [IncomingMessage];
      const text = (await response.toArray()).map(String).join('');
      await closed;
      return text;
    } catch (error) {
      await closed;
      return error instanceof TransportFailure
        ? `${error.kind} ${error.code}`
        : String((error as { code?: string }).code);
    }
  }

  it('are used again, or opened for one request alone', async () => {
    const server = createServer(({ method, url, headers }, response) => {
      response.end(`${method} ${url} ${headers.host} ${headers.connection}`);
    });
    const { port, sockets } = await listening(server);
    const connections = connectionsTo(`http://127.0.0.1:${port}`);
    for (const nth of [1, 2]) {
      expect(await get(connections, { method: 'PUT' })).toBe('PUT /v3.0/cells api keep-alive');
      expect([nth, sockets.length]).toEqual([nth, 1]);
    }
    expect(await get(connections, { ownConnection: true, path: '/v4.0/cells' })).toBe('GET /v4.0/cells api close');
    expect(sockets).toHaveLength(2);
    expect(connections.numbers).toEqual({ connections: 1, waiting: 0 });
  });

  it.each([false, true])('take answers with headers of up to 64 KiB (own connection: %p)', async (ownConnection) => {
    let length = 60_000;
    const server = createServer((_request, response) => response.setHeader('X-Long', 'x'.repeat(length)).end('ok'));
    const { port } = await listening(server);
    const connections = connectionsTo(`http://127.0.0.1:${port}`);
    expect(await get(connections, { ownConnection })).toBe('ok');
    length = 70_000;
    expect(await get(connections, { ownConnection })).toBe('HPE_HEADER_OVERFLOW');
  });

  it('are full when 256 are in use and 64 requests wait, and no longer when they are idle', async () => {
    const asked: ServerResponse[] = [];
    const server = createServer((_request, response) => asked.push(response));
    server.keepAliveTimeout = 0;
    const { port } = await listening(server);
    const connections = connectionsTo(`http://127.0.0.1:${port}`);
    const answers = Array.from({ length: 319 }, () => get(connections));
    expect(connections.full).toBe(false);
    expect(connections.numbers).toEqual({ connections: 256, waiting: 63 });
    answers.push(get(connections, { ownConnection: true }));
    expect(connections.full).toBe(true);
    expect(connections.numbers).toEqual({ connections: 257, waiting: 63 });
    let answered = 0;
    void Promise.all(answers).then(() => (answered = answers.length));
    while (answered === 0) {
      for (const response of asked.splice(0)) response.end('ok');
      await new Promise(setImmediate);
    }
    expect(connections.numbers).toEqual({ connections: 256, waiting: 0 });
    expect(connections.full).toBe(false);
  });

  it('resume the TLS session of the one before, unless that broke or other authorities are trusted now', async () => {
    let pem = CA.certificate;
    let breaks = false;
    const server = createTlsServer(CA.issue(), ({ socket }, response) => {
      if (breaks) sockets.at(-1)?.resetAndDestroy();
      else response.end((socket as TLSSocket).isSessionReused() ? 'resumed' : 'new');
    });
    const { port, sockets } = await listening(server);
    const connections = connectionsTo(`https://127.0.0.1:${port}`, { authorities: trusting(() => pem) });
    const alone = () => get(connections, { ownConnection: true });

    expect([await alone(), await alone()]).toEqual(['new', 'resumed']);
    pem = `${CA.certificate}${new CertificateAuthority().certificate}`;
    expect([await alone(), await alone()]).toEqual(['new', 'resumed']);
    breaks = true;
    expect(await alone()).toBe('ECONNRESET');
    breaks = false;
    expect([await alone(), await alone()]).toEqual(['new', 'resumed']);
    pem = new CertificateAuthority().certificate;
    expect(await alone()).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  describe('that began before other authorities were trusted', () => {
    let pem: string;
    let alone: () => Promise<string>;
    /** Lets the first connection go on, or breaks it. */
    let letFirst: ((how: 'finish' | 'break') => void) | undefined;

    beforeEach(async () => {
      pem = CA.certificate;
      letFirst = undefined;
      const server = await listening(
        createTlsServer(CA.issue(), ({ socket }, response) => {
          response.end((socket as TLSSocket).isSessionReused() ? 'resumed' : 'new');
        }),
      );
      const relay = createTcpServer((socket) => {
        const forward = () => {
          socket
            .pipe(connect(server.port, '127.0.0.1'))
            .on('error', () => undefined)
            .pipe(socket);
        };
        if (relayed.sockets.length > 0) forward();
        letFirst ??= (how) => {
          if (how === 'finish') forward();
          else socket.resetAndDestroy();
        };
      });
      const relayed = await listening(relay);
      const connections = connectionsTo(`https://127.0.0.1:${relayed.port}`, { authorities: trusting(() => pem) });
      alone = () => get(connections, { ownConnection: true });
    });

    it('leave no TLS session behind', async () => {
      const first = alone();
      pem = new CertificateAuthority().certificate;
      expect(await alone()).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
      letFirst?.('finish');
      expect(await first).toBe('new');
      expect(await alone()).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    });

    it('do not end the TLS session of later ones when they break', async () => {
      const first = alone();
      pem = `${CA.certificate}${new CertificateAuthority().certificate}`;
      expect(await alone()).toBe('new');
      letFirst?.('break');
      expect(await first).toBe('ECONNRESET');
      expect(await alone()).toBe('resumed');
    });
  });

  it.each([
    ['localhost', 'localhost'],
    ['127.0.0.1', 'false'],
  ])('ask for the server %s as %s, for an IP address is no name', async (host, name) => {
    const server = createTlsServer(CA.issue(), ({ socket }, response) => {
      response.end(String((socket as TLSSocket & { servername: string | false }).servername));
    });
    const { port } = await listening(server);
    expect(await get(connectionsTo(`https://${host}:${port}`))).toBe(name);
  });

  it.each(['http', 'https'])('are given up when they take too long to open: %s', async (scheme) => {
    fakeTimeouts();
    const answer: RequestListener = (_request, response) => response.end('ok');
    const server = scheme === 'http' ? createServer(answer) : createTlsServer(CA.issue(), answer);
    const { port } = await listening(server);
    const connections = connectionsTo(`${scheme}://127.0.0.1:${port}`);

    expect(await get(connections)).toBe('ok');
    expect(jest.getTimerCount()).toBe(0);

    const late = get(connections, { ownConnection: true });
    jest.advanceTimersByTime(ENOUGH_MS - 1);
    expect(connections.numbers.connections).toBe(2);
    jest.advanceTimersByTime(1);
    expect(await late).toBe('connect_timeout CONNECT_TIMEOUT');

    const refused = connectionsTo(`${scheme}://127.0.0.1:${await closedPort()}`);
    expect(await get(refused)).toBe('ECONNREFUSED');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('go through the proxy by HTTPS only, to the host and port of the origin', async () => {
    const proxy = await TestProxy.start();
    const through = () => ({ proxy: new ForwardProxy(`http://127.0.0.1:${proxy.port}`) });
    const { port, sockets } = await listening(createTlsServer(CA.issue(), (_request, response) => response.end('ok')));
    const connections = connectionsTo(`https://127.0.0.1:${port}`, through());
    expect(await get(connections)).toBe('ok');
    const [socket] = sockets;
    connections.destroy();
    if (socket?.closed === false) await once(socket, 'close');

    const plain = await listening(createServer((_request, response) => response.end('plain')));
    expect(await get(connectionsTo(`http://127.0.0.1:${plain.port}`, through()))).toBe('plain');

    proxy.refuseWith = 403;
    expect(await get(connectionsTo('https://api.example', through()))).toBe('proxy_refused PROXY_403');
    expect(await get(connectionsTo('https://[::1]', through()))).toBe('proxy_refused PROXY_403');
    expect(proxy.targets).toEqual([`127.0.0.1:${port}`, 'api.example:443', '[::1]:443']);
    await proxy.close();
  });

  describe('through a proxy', () => {
    let atProxy: { port: number; sockets: Socket[] };
    let connections: UpstreamConnections;

    beforeEach(async () => {
      atProxy = await listening(createTcpServer());
      connections = connectionsTo('https://api.example', {
        proxy: new ForwardProxy(`http://127.0.0.1:${atProxy.port}`),
      });
    });

    /** CONNECT as it came, on the latest connection. */
    async function asked(count = 1): Promise<Socket> {
      while (atProxy.sockets.length < count) await new Promise(setImmediate);
      const [socket] = atProxy.sockets.slice(-1);
      if (socket === undefined) throw new Error('no connection');
      await once(socket, 'data');
      return socket;
    }

    it.each([false, true])(
      'are given up with the request, while the proxy is silent (own: %p)',
      async (ownConnection) => {
        const request = connections.open({ ...GET, ownConnection }).on('error', () => undefined);
        const closed = new Promise((resolve) => request.once('close', resolve));
        expect(connections.numbers.connections).toBe(1);
        const socket = await asked();
        request.destroy();
        await Promise.all([closed, once(socket, 'close')]);
        expect(connections.numbers).toEqual({ connections: 0, waiting: 0 });
      },
    );

    it('end at once when they are no longer wanted, while the proxy is silent', async () => {
      const pending = [get(connections), get(connections)];
      const socket = await asked(2);
      connections.destroy();
      expect(await Promise.all(pending)).toEqual(['ECONNRESET', 'ECONNRESET']);
      if (!socket.closed) await once(socket, 'close');
      expect(connections.numbers.connections).toBe(0);
    });

    it.each([
      ['the proxy, on a kept connection', false, false],
      ['the proxy, on its own connection', true, false],
      ['TLS after it, on a kept connection', false, true],
      ['TLS after it, on its own connection', true, true],
    ])('have one time limit: %s', async (_what, ownConnection, accepts) => {
      fakeTimeouts();
      const late = get(connections, { ownConnection });
      const socket = await asked();
      jest.advanceTimersByTime(ENOUGH_MS - 1);
      if (accepts) {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const [hello] = (await once(socket, 'data')) as [Buffer];
        expect(hello[0]).toBe(0x16);
      }
      jest.advanceTimersByTime(1);
      expect(await late).toBe('connect_timeout CONNECT_TIMEOUT');
      if (!socket.closed) await once(socket, 'close');
      expect(connections.numbers.connections).toBe(0);
    });

    it('make room for waiting requests when the proxy refuses', async () => {
      const refused = Array.from({ length: 257 }, () => get(connections));
      expect(connections.numbers).toEqual({ connections: 256, waiting: 1 });
      for (let nth = 0; nth < 257; nth += 1) {
        while (atProxy.sockets.length <= nth) await new Promise(setImmediate);
        atProxy.sockets[nth]?.end('HTTP/1.1 403 No\r\n\r\n');
      }
      expect(new Set(await Promise.all(refused))).toEqual(new Set(['proxy_refused PROXY_403']));
      while (connections.numbers.connections > 0) await new Promise(setImmediate);
      expect(connections.numbers).toEqual({ connections: 0, waiting: 0 });
    });
  });

  it.each([false, true])('keep nothing of the request they were opened for (proxy: %p)', async (proxied) => {
    const proxy = await TestProxy.start();
    const { port } = await listening(createTlsServer(CA.issue(), (_request, response) => response.end('ok')));
    const connections = connectionsTo(`https://127.0.0.1:${port}`, {
      proxy: proxied ? new ForwardProxy(`http://127.0.0.1:${proxy.port}`) : undefined,
    });
    const opened: WeakRef<object>[] = [];
    const open = connections.open.bind(connections);
    connections.open = (request) => {
      const sent = open(request);
      opened.push(new WeakRef(sent));
      return sent;
    };
    expect(await get(connections)).toBe('ok');
    // Node keeps the latest request that it has parsed an answer for.
    expect(await get(connections)).toBe('ok');
    expect(proxy.targets).toHaveLength(proxied ? 1 : 0);

    for (let nth = 0; nth < 20 && opened[0]?.deref() !== undefined; nth += 1) {
      await new Promise(setImmediate);
      collectGarbage();
    }
    expect(opened[0]?.deref() === undefined).toBe(true);
    expect(connections.numbers.connections).toBe(1);
    await proxy.close();
  });

  it('end at once when they are no longer wanted, and with them the watch over the files', async () => {
    const { port, sockets } = await listening(createTcpServer());
    const proxy = Object.assign(new ForwardProxy('http://127.0.0.1:1'), { close: () => closedFiles.push('proxy') });
    const connections = connectionsTo(`http://127.0.0.1:${port}`, { proxy });
    const pending = get(connections);
    while (sockets.length < 1) await new Promise(setImmediate);
    connections.destroy();
    expect(await pending).toBe('ECONNRESET');
    expect(closedFiles).toEqual(['authorities', 'proxy']);
  });
});
