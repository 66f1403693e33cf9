import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:tls';
import { type IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { closedPort } from '../support/closed-port.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { RawClient, type RawAnswer, rawRequest } from '../support/raw-client.js';
import { caFile, settled } from '../faults/resources.js';
import { RawUpstream, TestGateway } from './test-gateway.js';

const PATH = '/v3.0/cells/book.xlsx';
const GET = `GET ${PATH} HTTP/1.1\r\nHost: g\r\n\r\n`;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const UNTIL = { until: /\}$|ok$/ };
const MIB = 1024 * 1024;
const TIMEOUT_MS = 1000;
const IDLE_TIMEOUT_MS = 2000;

function expectFailure({ text }: Pick<RawAnswer, 'text'>, status: number, proxyError: string): void {
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(text).toContain(`\r\nProxy-Status: cells-authority; error=${proxyError}\r\n`);
  expect(text).toMatch(/\r\nCache-Control: no-store\r\n/);
  expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toEqual({
    error: expect.any(String),
    error_description: expect.any(String),
    message: expect.any(String),
  });
}

describe('When the Cells API fails', () => {
  let upstream: RawUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await RawUpstream.start();
    gateway = await TestGateway.start(upstream.origin, { timeoutMs: TIMEOUT_MS, idleTimeoutMs: IDLE_TIMEOUT_MS });
  });
  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });
  beforeEach(() => {
    upstream.clear();
    gateway.ended.length = 0;
  });

  it.each([
    ['closes before it answers', ({ socket }: { socket: Socket }) => socket.end(), 502, 'connection_terminated'],
    [
      'resets before it answers',
      ({ socket }: { socket: Socket }) => socket.resetAndDestroy(),
      502,
      'connection_terminated',
    ],
    [
      'closes in the middle of its headers',
      ({ socket }: { socket: Socket }) => socket.end('HTTP/1.1 200 OK\r\nA: b'),
      502,
      'connection_terminated',
    ],
    [
      'says what is no HTTP',
      ({ socket }: { socket: Socket }) => socket.end('220 smtp ready\r\n\r\n'),
      502,
      'http_protocol_error',
    ],
    [
      'has two lengths',
      ({ socket }: { socket: Socket }) =>
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'),
      502,
      'http_protocol_error',
    ],
    [
      'switches protocols unasked',
      ({ socket }: { socket: Socket }) => socket.write('HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
      502,
      'connection_terminated',
    ],
    [
      'has headers without end',
      ({ socket }: { socket: Socket }) => socket.write(`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(70_000)}`),
      502,
      'http_protocol_error',
    ],
    ['says nothing', () => undefined, 504, 'http_response_timeout'],
  ])('%s: %#', async (_, act, status, proxyError) => {
    upstream.onRequest = act;
    expectFailure(await rawRequest(gateway.port, GET, UNTIL), status, proxyError);
    expect(gateway.ended).toMatchObject([{ status, cut: false }]);
    expect(upstream.received.match(/^GET /gm)).toHaveLength(1);
  });

  it('with 500, 502, 503 or 504, it is not asked again', async () => {
    for (const status of [500, 502, 503, 504]) {
      upstream.clear();
      upstream.onRequest = ({ socket }) => socket.write(`HTTP/1.1 ${status} No\r\nContent-Length: 2\r\n\r\nok`);
      expect((await rawRequest(gateway.port, GET, UNTIL)).text).toMatch(new RegExp(`^HTTP/1.1 ${status} No\r\n`));
      expect(upstream.received.match(/^GET /gm)).toHaveLength(1);
    }
  });

  it.each([
    ['with a length', 'Content-Length: 100\r\n\r\nabc'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
    ['until the end of the connection, by a reset', '\r\nabc'],
  ])('a body %s that is cut never looks whole', async (_, rest) => {
    upstream.onRequest = ({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\n${rest}`, () => setTimeout(() => socket.resetAndDestroy(), 20));
    };
    const { text, ending } = await rawRequest(gateway.port, GET);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).not.toMatch(/0\r\n\r\n$/);
    expect(ending).toEqual({ error: 'ECONNRESET' });
    expect(gateway.ended).toMatchObject([{ outcome: 'connection_lost', status: 200, cut: true }]);
  });

  it('a body that is cut is reset for an HTTP/1.0 client, whose bodies end with the connection', async () => {
    upstream.onRequest = ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', () =>
        setTimeout(() => socket.destroy(), 20),
      );
    };
    const { ending } = await rawRequest(gateway.port, `GET ${PATH} HTTP/1.0\r\n\r\n`);
    expect(ending).toEqual({ error: 'ECONNRESET' });
  });

  it('a transfer in which nothing moves ends: while the API answers', async () => {
    upstream.onRequest = ({ socket }) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc');
    const { ending } = await rawRequest(gateway.port, GET);
    expect(ending).toEqual({ error: 'ECONNRESET' });
    expect(gateway.ended).toMatchObject([{ outcome: 'idle', cut: true }]);
    await upstreamClosed();
  });

  it('a transfer in which nothing moves ends: while the client sends', async () => {
    upstream.onRequest = () => undefined;
    const lines = `PUT ${PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\nabc`;
    expectFailure(await rawRequest(gateway.port, lines, { until: /\}$/ }), 504, 'connection_read_timeout');
    await upstreamClosed();
  });

  it('a client that waits has its time from the end of its own request', async () => {
    const started = performance.now();
    upstream.onRequest = () => undefined;
    const client = new RawClient(gateway.port);
    client.send(`PUT ${PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: 6\r\n\r\nabc`);
    await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS * 0.5));
    client.send('def');
    expectFailure({ text: await client.next() }, 504, 'http_response_timeout');
    expect(performance.now() - started).toBeGreaterThan(TIMEOUT_MS * 1.4);
    client.socket.destroy();
  });

  it('a kept-alive connection turns out to be dead: GET and HEAD are sent once more, on a new one', async () => {
    for (const method of ['GET', 'HEAD']) {
      await keepAliveConnection();
      upstream.onRequest = ({ socket }, nth) => (nth === 2 ? socket.resetAndDestroy() : socket.write(OK));
      const { text } = await rawRequest(gateway.port, GET.replace('GET', method), { until: /\r\n\r\n/ });
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(upstream.connections).toHaveLength(2);
      expect(upstream.connections[1]?.received).toMatch(new RegExp(`^${method} [^]*\r\nConnection: close\r\n`));
    }
  });

  it('a new connection that is dead as well is not followed by a third', async () => {
    await keepAliveConnection();
    upstream.onRequest = ({ socket }) => socket.resetAndDestroy();
    expectFailure(await rawRequest(gateway.port, GET, UNTIL), 502, 'connection_terminated');
    expect(upstream.connections).toHaveLength(2);
  });

  it.each([
    ['POST', ''],
    ['DELETE', ''],
    ['PUT', 'abc'],
    ['GET', 'abc'],
  ])('a kept-alive connection turns out dead: %s with %j does not go out again', async (method, body) => {
    await keepAliveConnection();
    upstream.onRequest = ({ socket }) => socket.resetAndDestroy();
    const lines = `${method} ${PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expectFailure(await rawRequest(gateway.port, lines, UNTIL), 502, 'connection_terminated');
    expect(upstream.connections).toHaveLength(1);
  });

  it('a kept-alive connection that breaks after a byte of the answer is not tried again', async () => {
    await keepAliveConnection();
    upstream.onRequest = ({ socket }) => {
      socket.write('HTTP/1.1 ', () => setTimeout(() => socket.resetAndDestroy(), 20));
    };
    expectFailure(await rawRequest(gateway.port, GET, UNTIL), 502, 'connection_terminated');
    expect(upstream.connections).toHaveLength(1);
  });

  it('an answer that comes early is passed on, and the client sees it', async () => {
    upstream.onRequest = ({ socket }) => {
      socket.write('HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nok');
    };
    const client = new RawClient(gateway.port);
    client.send(`PUT ${PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: 3000000\r\n\r\n`);
    client.send(Buffer.alloc(1_000_000));
    expect(await client.next()).toMatch(/^HTTP\/1\.1 413 Too Much\r\n[^]*\r\n\r\nok$/);
    client.send(Buffer.alloc(2_000_000));
    // The body is complete, so the connection can be used again.
    upstream.onRequest = ({ socket }) => socket.write(OK);
    client.send(GET);
    expect(await client.next()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    client.socket.destroy();
    expect(gateway.ended).toMatchObject([
      { outcome: 'passed', status: 413 },
      { outcome: 'passed', status: 200 },
    ]);
  });

  it('an early answer to an endless body closes the connection, and nothing in the body becomes a request', async () => {
    upstream.onRequest = ({ socket }) => socket.write(OK);
    const lines = `PUT ${PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: 3000\r\n\r\n${GET}`;
    const { text, ending } = await rawRequest(gateway.port, lines);
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(ending).not.toBe('open');
    expect(gateway.ended).toMatchObject([{ method: 'PUT', outcome: 'passed' }]);
  });

  async function keepAliveConnection(): Promise<void> {
    upstream.clear();
    upstream.onRequest = ({ socket }) => socket.write(OK);
    await rawRequest(gateway.port, GET, UNTIL);
    expect(upstream.connections).toHaveLength(1);
  }

  async function upstreamClosed(): Promise<void> {
    await settled(() => upstream.connections.every(({ socket }) => socket.destroyed));
  }
});

describe('When a client goes away', () => {
  let upstream: RawUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await RawUpstream.start();
    gateway = await TestGateway.start(upstream.origin);
  });
  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  it.each([
    ['while it waits', GET, ''],
    ['in the middle of its upload', `PUT ${PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\nabc`, ''],
    ['in the middle of the answer', GET, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc'],
  ])('%s, the upstream request ends', async (_, lines, answer) => {
    upstream.clear();
    gateway.ended.length = 0;
    const asked = new Promise<Socket>((resolve) => {
      upstream.onRequest = ({ socket }) => {
        socket.write(answer);
        resolve(socket);
      };
    });
    const client = new RawClient(gateway.port);
    client.send(lines);
    const socket = await asked;
    if (answer !== '') await client.next();
    const closed = once(socket, 'close');
    client.socket.destroy();
    await closed;
    expect(gateway.ended).toMatchObject([{ outcome: 'client_gone', cut: answer !== '' }]);
    expect(gateway.gateway.numbers.inFlight).toBe(0);
  });
});

describe('When a client that has to wait goes away', () => {
  it('and its connection is reset while its upload is not read, the upstream request ends', async () => {
    // An API that does not read, so that the upload comes to a stop in the gateway.
    const api = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(api, 'listening');
    const accepted = once(api, 'connection') as Promise<[Socket]>;
    const gateway = await TestGateway.start(`http://127.0.0.1:${(api.address() as AddressInfo).port}`);
    const client = new RawClient(gateway.port);
    try {
      client.send(`PUT ${PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: ${64 * MIB}\r\n\r\n`);
      client.send(Buffer.alloc(64 * MIB));
      const [stalled] = await accepted;
      let before = -1;
      await settled(() => {
        const { bytesUp } = gateway.gateway.numbers;
        const stands = bytesUp > MIB && bytesUp === before;
        before = bytesUp;
        return stands;
      }, 25_000);
      client.socket.resetAndDestroy();
      await settled(() => gateway.gateway.numbers.inFlight === 0);
      expect(gateway.ended).toMatchObject([{ outcome: 'client_gone', cut: false }]);
      await once(stalled.on('error', () => undefined).resume(), 'close');
    } finally {
      client.socket.destroy();
      await gateway.close();
      api.close();
    }
  });
});

describe('When an answer is cut on its way to a client with TLS', () => {
  it.each([
    ['with a length', 'Content-Length: 100\r\n\r\nabc'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
    ['until the end of the connection', '\r\nabc'],
  ])('%s, the client sees that', async (_, rest) => {
    const authority = new CertificateAuthority();
    const upstream = await RawUpstream.start();
    upstream.onRequest = ({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\n${rest}`, () => setTimeout(() => socket.resetAndDestroy(), 20));
    };
    const gateway = await TestGateway.start(upstream.origin, {}, undefined, authority.issue());
    try {
      const asked = get({ port: gateway.port, host: '127.0.0.1', path: PATH, ca: authority.certificate });
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      let body = '';
      const read = async () => {
        for await (const chunk of answer.setEncoding('latin1')) body += String(chunk);
      };
      await expect(read()).rejects.toThrow('aborted');
      expect(body).toBe('abc');
      expect(answer.complete).toBe(false);
      expect(gateway.ended).toMatchObject([{ outcome: 'connection_lost', cut: true }]);
    } finally {
      await gateway.close();
      await upstream.close();
    }
  });
});

describe('When the Cells API cannot be reached', () => {
  const request = async (apiUrl: string, options = {}) => {
    const gateway = await TestGateway.start(apiUrl, { connectTimeoutMs: 20_000, ...options });
    try {
      return await rawRequest(
        gateway.port,
        `PUT ${PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: 6\r\n\r\nsecret`,
        UNTIL,
      );
    } finally {
      await gateway.close();
    }
  };

  it('because nobody listens: 502', async () => {
    expectFailure(await request(`http://127.0.0.1:${await closedPort()}`), 502, 'connection_refused');
  });

  it('because its name is not known: 502', async () => {
    expectFailure(await request('https://no-such-host.invalid'), 502, 'dns_error');
  });

  it('because nothing answers: 504 when the time for connecting is over', async () => {
    const server = createTlsServer({}).listen(0, '127.0.0.1');
    await once(server, 'listening');
    // A listener that accepts TCP and never says a word of TLS.
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => socket.on('error', () => undefined));
    try {
      expectFailure(
        await request(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, { connectTimeoutMs: 200 }),
        504,
        'connection_timeout',
      );
    } finally {
      server.close();
    }
  });

  const authority = new CertificateAuthority();
  const DAY_MS = 86_400_000;
  it.each([
    ['of an unknown authority', new CertificateAuthority().issue()],
    ['of another host', authority.issue({ hosts: ['other.example'] })],
    ['that has expired', authority.issue({ notAfter: new Date(Date.now() - DAY_MS) })],
  ])('because it has a certificate %s: 502, and not a byte is sent to it', async (_, certificate) => {
    const received: Buffer[] = [];
    const server = createTlsServer(certificate, (socket) => {
      socket.on('data', (chunk: Buffer) => received.push(chunk)).on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const overruled = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
      expectFailure(await request(origin, { caFile: caFile(authority.certificate) }), 502, 'tls_certificate_error');
      expect(Buffer.concat(received).toString()).toBe('');
    } finally {
      if (overruled === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = overruled;
      server.close();
    }
  });

  it('over TLS with a certificate of the given authority it is reached, the second time with half of a handshake', async () => {
    const resumed: boolean[] = [];
    const server = createTlsServer(authority.issue(), (socket) => {
      resumed.push(socket.isSessionReused());
      socket.on('data', () => socket.end(OK.replace('\r\n', '\r\nConnection: close\r\n'))).on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const gateway = await TestGateway.start(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      caFile: caFile(authority.certificate),
    });
    try {
      for (let nth = 1; nth <= 2; nth += 1) expect((await rawRequest(gateway.port, GET, UNTIL)).text).toMatch(/ok$/);
      expect(resumed).toEqual([false, true]);
    } finally {
      await gateway.close();
      server.close();
    }
  });
});

describe('When too many requests wait', () => {
  it('further ones get 503 with Retry-After at once, and those that wait go on', async () => {
    const upstream = await RawUpstream.start();
    upstream.onRequest = () => undefined;
    const gateway = await TestGateway.start(upstream.origin, { timeoutMs: 60_000 });
    const clients = Array.from({ length: 320 }, () => new RawClient(gateway.port));
    try {
      for (const client of clients) client.send(GET);
      await settled(() => upstream.connections.length === 256 && gateway.gateway.numbers.inFlight === 320);
      expect(gateway.gateway.numbers).toMatchObject({ connections: 256, waiting: 64 });
      const { text } = await rawRequest(gateway.port, GET, UNTIL);
      expectFailure({ text }, 503, 'connection_limit_reached');
      expect(text).toMatch(/\r\nRetry-After: 1\r\n/);
      expect(upstream.connections).toHaveLength(256);
      upstream.onRequest = ({ socket }) => socket.write(OK);
      for (const { socket } of [...upstream.connections]) socket.write(OK);
      await settled(() => gateway.ended.filter(({ outcome }) => outcome === 'passed').length === 320);
    } finally {
      for (const client of clients) client.socket.destroy();
      await gateway.close();
      await upstream.close();
    }
  });

  it('while it stops: those without an answer get 503, the others are cut', async () => {
    const upstream = await RawUpstream.start();
    const gateway = await TestGateway.start(upstream.origin);
    try {
      upstream.onRequest = () => undefined;
      const waiting = rawRequest(gateway.port, GET, UNTIL);
      await settled(() => upstream.received.includes('\r\n\r\n'));
      upstream.onRequest = ({ socket }) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc');
      const answered = new RawClient(gateway.port);
      answered.send(GET);
      await answered.next();
      gateway.gateway.endTransfers();
      const { text } = await waiting;
      expectFailure({ text }, 503, 'proxy_internal_response');
      expect(text).toMatch(/\r\nRetry-After: 1\r\n/);
      expect((await answered.ended()).ending).toEqual({ error: 'ECONNRESET' });
    } finally {
      await gateway.close();
      await upstream.close();
    }
  });
});
