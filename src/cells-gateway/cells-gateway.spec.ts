import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { TestProxy } from '../../test/support/forward-proxy.js';
import { type CellsAuthorityService, type TokenSession, type TokenSessions } from '../cells-authority/index.js';
import { CellsGateway } from './cells-gateway.js';
import { type CellsGatewayOptions } from './cells-gateway.options.js';
import { type GatewayEvent } from './gateway-observer.js';
import { UpstreamConnections } from './upstream-connections.js';

const BEARER = 'Authorization: Bearer own';

/** A gateway before an API of the test's own, and a client that sends bytes. */
class Scene {
  readonly events: GatewayEvent[] = [];
  readonly sockets = new Set<Socket>();
  readonly apiSockets: Socket[] = [];
  invalidated: string[] = [];
  session: TokenSession | undefined;
  gateway!: CellsGateway;
  #front!: Server;
  #api!: Server;

  static async start(answer: RequestListener, settings: Partial<CellsGatewayOptions> = {}): Promise<Scene> {
    const scene = new Scene();
    scene.#api = createServer(answer).on('connection', (socket: Socket) => {
      scene.apiSockets.push(socket.on('error', () => undefined));
    });
    scene.#api.keepAliveTimeout = 0;
    await once(scene.#api.listen(0, '127.0.0.1'), 'listening');
    scene.gateway = new CellsGateway(
      {
        apiUrl: `http://127.0.0.1:${(scene.#api.address() as AddressInfo).port}`,
        maxBodyMib: 1,
        timeoutMs: 5000,
        connectTimeoutMs: 1000,
        caFile: undefined,
        ownHeaders: { 'X-Own': 'own' },
        requestId: () => 'the-id',
        clientAddress: () => '192.0.2.1',
        observer: (event) => scene.events.push(event),
        ...settings,
      },
      { invalidate: (token: string) => scene.invalidated.push(token) > 0 } as unknown as CellsAuthorityService,
      { find: () => scene.session } as unknown as TokenSessions,
    );
    const take = (request: IncomingMessage, response: ServerResponse) => {
      if (!scene.gateway.take(request, response)) response.writeHead(404).end();
    };
    scene.#front = createServer(take).on('checkContinue', take).on('checkExpectation', take);
    scene.#front.on('connection', (socket: Socket) => scene.sockets.add(socket.on('error', () => undefined)));
    await once(scene.#front.listen(0, '127.0.0.1'), 'listening');
    return scene;
  }

  client(): Socket {
    return connect((this.#front.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  }

  /** Sends a request, and returns all that comes back until the connection ends, or until these characters came. */
  async send(
    requestLine: string,
    headers: readonly string[] = [],
    body = '',
    { version = '1.1', until = '' } = {},
  ): Promise<string> {
    const socket = this.client();
    const lines = [`${requestLine} HTTP/${version}`, 'Host: g', 'Connection: close', ...headers];
    socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
    return text(socket, until);
  }

  get ended() {
    return this.events.filter((event) => event.type === 'request_ended');
  }

  async hasEnded(): Promise<void> {
    while (this.ended.length === 0) await delay(1);
  }

  async close(): Promise<void> {
    this.gateway.onApplicationShutdown();
    for (const server of [this.#front, this.#api]) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }
}

async function text(socket: Socket, until = ''): Promise<string> {
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    if (until !== '' && received.includes(until)) socket.destroy();
  });
  // A reset is an end, too.
  await new Promise((resolve) => socket.once('close', resolve));
  return received;
}

/** The gateway's own answers on a connection that stays open. */
class Answers {
  #received = '';

  constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => (this.#received += chunk.toString('latin1')));
  }

  async next(): Promise<string> {
    while (!this.#received.includes('"}')) await once(this.socket, 'data');
    const answer = this.#received;
    this.#received = '';
    return answer;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  return (await request.toArray()).map(String).join('');
}

/** Answers with what came in. */
const echo: RequestListener = (request, response) => {
  void bodyOf(request).then((body) => {
    const { method, url, headers } = request;
    response.end(
      JSON.stringify({
        method,
        url,
        body,
        authorization: headers.authorization,
        length: headers['content-length'],
        coding: headers['transfer-encoding'],
        via: headers.via,
      }),
    );
  });
};
const echoed = (answer: string): unknown => JSON.parse(answer.slice(answer.indexOf('{"'), answer.lastIndexOf('}') + 1));

describe('CellsGateway', () => {
  let scene: Scene;
  afterEach(() => {
    jest.useRealTimers();
    return scene.close();
  });

  it('passes a request and its answer on, and reports it', async () => {
    scene = await Scene.start(echo);
    const answer = await scene.send('GET /v3.0/cells/a?b=c', [BEARER]);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain('\r\nX-Request-Id: the-id\r\n');
    expect(answer).not.toContain('X-Own');
    expect(echoed(answer)).toEqual({
      method: 'GET',
      url: '/v3.0/cells/a?b=c',
      body: '',
      authorization: 'Bearer own',
      via: '1.1 cells-authority',
    });
    expect(scene.events).toEqual([
      { type: 'token', action: 'passed' },
      {
        type: 'request_ended',
        requestId: 'the-id',
        method: 'GET',
        api: '/v3.0/cells',
        outcome: 'passed',
        status: 200,
        cut: false,
        headersMs: expect.any(Number) as number,
        wholeMs: expect.any(Number) as number,
      },
    ]);
    const { bytesDown, ...numbers } = scene.gateway.numbers;
    expect(numbers).toEqual({ inFlight: 0, bytesUp: 0, connections: 1, waiting: 0 });
    expect(bytesDown).toBeGreaterThan(50);
  });

  it.each<[string, string[], string, { body: string; length?: string; coding?: string }]>([
    ['PUT', ['Content-Length: 4'], 'body', { body: 'body', length: '4' }],
    ['POST', ['Transfer-Encoding: chunked'], '4\r\nbody\r\n0\r\n\r\n', { body: 'body', coding: 'chunked' }],
    ['POST', [], '', { body: '', length: '0' }],
    ['PUT', [], '', { body: '', length: '0' }],
    ['PATCH', [], '', { body: '', length: '0' }],
    ['DELETE', [], '', { body: '' }],
    ['DELETE', ['Content-Length: 4'], 'body', { body: 'body', length: '4' }],
    ['DELETE', ['Transfer-Encoding: chunked'], '4\r\nbody\r\n0\r\n\r\n', { body: 'body', coding: 'chunked' }],
    ['POST', ['Content-Length: 4', 'Expect: 100-continue'], 'body', { body: 'body', length: '4' }],
  ])('passes a body on: %s %j', async (method, headers, body, expected) => {
    scene = await Scene.start(echo);
    const answer = await scene.send(`${method} /v4.0/cells/a`, headers, body);
    expect(echoed(answer)).toEqual({ method, url: '/v4.0/cells/a', via: '1.1 cells-authority', ...expected });
    expect(answer.startsWith('HTTP/1.1 100 Continue')).toBe(headers.includes('Expect: 100-continue'));
    expect(scene.gateway.numbers.bytesUp).toBe(expected.body.length);
    expect(scene.ended).toMatchObject([{ method, outcome: 'passed', status: 200 }]);
  });

  it('leaves preflights and all that is not the Cells API to others', async () => {
    scene = await Scene.start(echo);
    for (const line of ['OPTIONS /v3.0/cells/a', 'GET /health/live', 'POST /connect/token']) {
      expect(await scene.send(line)).toMatch(/^HTTP\/1\.1 404 /);
    }
    expect(scene.events).toEqual([]);
  });

  const TOO_LARGE = String(1024 * 1024 + 1);
  it.each<[string, string, string[], number, string, string, string]>([
    [
      'a path that could be read in two ways',
      'GET /v3.0/cells/../a',
      [],
      400,
      'malformed',
      'http_request_error',
      'The path cannot be sent on as it is spelled',
    ],
    [
      'an unknown method',
      'PROPFIND /v3.0/cells/a',
      [],
      405,
      'method_not_allowed',
      'http_request_error',
      'The Cells API knows no such method',
    ],
    [
      'Basic',
      'GET /v3.0/cells/a',
      ['Authorization: Basic eA=='],
      401,
      'unauthorized',
      'http_request_denied',
      'The Cells API takes one Bearer token and nothing else',
    ],
    [
      'two tokens',
      'GET /v3.0/cells/a',
      [BEARER, BEARER],
      401,
      'unauthorized',
      'http_request_denied',
      'The Cells API takes one Bearer token and nothing else',
    ],
    [
      'a list of tokens',
      'GET /v3.0/cells/a',
      [`${BEARER},x`],
      401,
      'unauthorized',
      'http_request_denied',
      'The Cells API takes one Bearer token and nothing else',
    ],
    [
      'something before the scheme',
      'GET /v3.0/cells/a',
      ['Authorization: x Bearer own'],
      401,
      'unauthorized',
      'http_request_denied',
      'The Cells API takes one Bearer token and nothing else',
    ],
    [
      'an unknown expectation',
      'GET /v3.0/cells/a',
      ['Expect: tea'],
      417,
      'expectation_failed',
      'http_request_error',
      'Nothing but 100-continue can be expected',
    ],
    [
      'a body that is too large',
      'POST /v3.0/cells/a',
      [`Content-Length: ${TOO_LARGE}`],
      413,
      'too_large',
      'http_request_error',
      'The body is larger than 1 MiB',
    ],
  ])('refuses %s', async (_name, line, headers, status, outcome, proxyError, description) => {
    scene = await Scene.start(echo);
    const answer = await scene.send(line, headers, line.startsWith('POST') ? '0\r\n\r\n' : '', { until: '"}' });
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    for (const header of [
      `Proxy-Status: cells-authority; error=${proxyError}`,
      'X-Own: own',
      'X-Request-Id: the-id',
      'Connection: close',
    ]) {
      expect(answer).toContain(`\r\n${header}\r\n`);
    }
    const error = status === 401 ? 'invalid_token' : 'invalid_request';
    expect(echoed(answer)).toMatchObject({ error, error_description: description });
    const method = outcome === 'method_not_allowed' ? 'other' : line.split(' ')[0];
    const api = outcome === 'malformed' ? undefined : '/v3.0/cells';
    expect(scene.events).toEqual([
      {
        type: 'request_ended',
        requestId: 'the-id',
        method,
        api,
        outcome,
        status,
        cut: false,
        headersMs: undefined,
        wholeMs: 0,
      },
    ]);
    expect(scene.apiSockets).toEqual([]);
    if (status === 405) expect(answer).toContain('\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE\r\n');
    if (status === 401) expect(answer).toContain('\r\nWWW-Authenticate: Bearer\r\n');
  });

  it('turns requests away when too many wait', async () => {
    scene = await Scene.start(echo);
    const full = jest.spyOn(UpstreamConnections.prototype, 'full', 'get').mockReturnValue(true);
    const answer = await scene.send('GET /v3.0/cells/a');
    full.mockRestore();
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toContain('\r\nRetry-After: 1\r\n');
    expect(echoed(answer)).toMatchObject({
      error: 'temporarily_unavailable',
      error_description: 'Too many requests wait for the Cells API',
    });
    expect(await scene.send('GET /v3.0/cells/a')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('keeps the client’s connection after a refusal, unless its body is still to come', async () => {
    scene = await Scene.start((request) => request.socket.destroy());
    const socket = scene.client();
    const answers = new Answers(socket);
    socket.write('GET /v3.0/cells/.. HTTP/1.1\r\nHost: g\r\n\r\n');
    expect(await answers.next()).toMatch(/^HTTP\/1\.1 400 /);
    socket.write('POST /v3.0/cells/a HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\n\r\nbody');
    expect(await answers.next()).toMatch(/^HTTP\/1\.1 502 /);
    socket.write('POST /v3.0/cells/.. HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\n\r\nbo');
    expect(await answers.next()).toMatch(/^HTTP\/1\.1 400 [^]*\r\nConnection: close\r\n/);
    // It has its answer, but may go on until it has sent all.
    await scene.send('GET /v3.0/cells/..');
    expect(socket.readableEnded).toBe(false);
    socket.write('dy');
    await once(socket, 'end');
  });

  it('answers HEAD without waiting for its body', async () => {
    scene = await Scene.start(echo);
    jest.useFakeTimers({ now: 1_000_000, doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
    const answer = await scene.send('HEAD /v3.0/cells/..', ['Content-Length: 4'], 'bo');
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*\r\n\r\n$/);
  });

  it('accepts exactly the largest body, and ends one without a length that grows beyond it', async () => {
    scene = await Scene.start((request, response) => {
      void bodyOf(request).then(
        (body) => response.end(`${body.length} bytes`),
        () => undefined,
      );
    });
    const largest = 'x'.repeat(1024 * 1024);
    expect(await scene.send('POST /v3.0/cells/a', [`Content-Length: ${largest.length}`], largest)).toContain(
      '1048576 bytes',
    );
    const chunked = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    expect(await scene.send('POST /v3.0/cells/a', ['Transfer-Encoding: chunked'], chunked(largest))).toContain(
      '1048576 bytes',
    );
    expect(await scene.send('POST /v3.0/cells/a', ['Transfer-Encoding: chunked'], chunked(`${largest}x`))).toMatch(
      /^HTTP\/1\.1 413 /,
    );
    expect(scene.ended.map(({ outcome }) => outcome)).toEqual(['passed', 'passed', 'too_large']);
  });

  it('answers HEAD without a body, and refuses it without one', async () => {
    scene = await Scene.start((_request, response) => response.setHeader('Content-Length', '7').end());
    expect(await scene.send('HEAD /v3.0/cells/a')).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-length: 7\r\n/i);
    expect(await scene.send('HEAD /v3.0/cells/a', ['Expect: tea'])).toMatch(/^HTTP\/1\.1 417 [^]*\r\n\r\n$/);
  });

  it('passes on status, text and header bytes as they are', async () => {
    scene = await Scene.start((request) => {
      request.socket.end('HTTP/1.1 299 Odd\r\nX-Odd: \xe9\r\nContent-Length: 2\r\n\r\n\xff\xfe', 'latin1');
    });
    const answer = await scene.send('GET /v3.0/cells/a');
    expect(answer).toMatch(/^HTTP\/1\.1 299 Odd\r\nX-Odd: \xe9\r\nContent-Length: 2\r\n/);
    expect(answer.endsWith('\r\n\r\n\xff\xfe')).toBe(true);
    expect(answer).not.toContain('Date:');
  });

  it.each<[string, string, RequestListener, number | undefined, string, boolean]>([
    ['breaks the connection', 'POST', (request) => request.socket.destroy(), 502, 'connection_lost', false],
    [
      'does not speak HTTP',
      'POST',
      (request) => request.socket.end('nonsense\r\n\r\n'),
      502,
      'invalid_response',
      false,
    ],
    [
      'switches protocols',
      'GET',
      (request) => request.socket.write('HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
      502,
      'connection_lost',
      false,
    ],
    [
      'breaks off',
      'GET',
      (request) => request.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
      200,
      'connection_lost',
      true,
    ],
    [
      'sends a status that cannot be passed on',
      'GET',
      (request) => request.socket.write('HTTP/1.1 999 X\r\nA: \x01\r\n\r\n'),
      502,
      'invalid_response',
      false,
    ],
    [
      'gives a reason that cannot be passed on',
      'GET',
      (request) => request.socket.write('HTTP/1.1 200 \x01\r\nContent-Length: 0\r\n\r\n'),
      502,
      'invalid_response',
      false,
    ],
  ])('tells of an API that %s', async (_name, method, answer, status, outcome, cut) => {
    scene = await Scene.start(answer);
    const received = await scene.send(`${method} /v3.0/cells/a`);
    expect(received).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(scene.ended).toMatchObject([{ outcome, status, cut }]);
  });

  it('sends a GET once more when a kept connection turns out to be closed, but no POST, and not twice', async () => {
    let requests = 0;
    scene = await Scene.start((request, response) => {
      requests += 1;
      if (requests === 2 || requests >= 4) request.socket.destroy();
      else response.end('ok');
    });
    expect(await scene.send('GET /v3.0/cells/a')).toContain('ok');
    expect(await scene.send('GET /v3.0/cells/a')).toContain('ok');
    expect([requests, scene.apiSockets.length]).toEqual([3, 2]);
    expect(await scene.send('GET /v3.0/cells/a')).toMatch(/^HTTP\/1\.1 502 /);
    requests = 0;
    expect(await scene.send('GET /v3.0/cells/a')).toContain('ok');
    expect(await scene.send('POST /v3.0/cells/a', ['Content-Length: 1'], 'x')).toMatch(/^HTTP\/1\.1 502 /);
    expect(requests).toBe(2);
  });

  it('gives up an API that does not answer, and a transfer in which nothing moves', async () => {
    scene = await Scene.start(() => undefined, { timeoutMs: 60, idleTimeoutMs: 60_000 });
    const late = await scene.send('GET /v3.0/cells/a');
    expect(late).toMatch(/^HTTP\/1\.1 504 /);
    expect(late).toContain('The Cells API did not answer in time');
    await scene.close();
    scene = await Scene.start((_request, response) => response.write('begun'), {
      timeoutMs: 60_000,
      idleTimeoutMs: 400,
    });
    const idle = await scene.send('GET /v3.0/cells/a');
    expect(idle).toContain('begun');
    expect(scene.ended).toMatchObject([{ outcome: 'idle', status: 200, cut: true }]);
    const body = await scene.send('POST /v3.0/cells/a', ['Content-Length: 5'], 'half');
    expect(body).toMatch(/^HTTP\/1\.1 (504|200) /);
  });

  it('notices that a client is gone, before the answer and in the midst of it', async () => {
    const begun: ServerResponse[] = [];
    scene = await Scene.start((_request, response) => begun.push(response));
    for (const [nth, writes, cut] of [
      [0, false, false],
      [1, true, true],
    ] as const) {
      const socket = scene.client();
      socket.write('GET /v3.0/cells/a HTTP/1.1\r\nHost: g\r\n\r\n');
      while (begun.length <= nth) await delay(1);
      if (writes) {
        begun[nth]?.write('begun');
        await once(socket, 'data');
      }
      socket.destroy();
      if (begun[nth]?.closed === false) await once(begun[nth], 'close');
      while (scene.ended.length <= nth) await delay(1);
      expect(scene.ended[nth]).toMatchObject({ outcome: 'client_gone', cut, status: writes ? 200 : undefined });
    }
    expect(scene.gateway.numbers.inFlight).toBe(0);
  });

  it('counts the bytes of what is under way, and knows the connection that carries it', async () => {
    const begun: ServerResponse[] = [];
    scene = await Scene.start((_request, response) => {
      response.write('begun');
      begun.push(response);
    });
    const answer = scene.send('POST /v3.0/cells/a', ['Content-Length: 4'], 'body');
    while (scene.gateway.numbers.bytesDown === 0) await delay(1);
    expect(scene.gateway.numbers).toEqual({ inFlight: 1, bytesUp: 4, bytesDown: 5, connections: 1, waiting: 0 });
    const idle = scene.client();
    while (scene.sockets.size < 2) await delay(1);
    expect([...scene.sockets].map((socket) => scene.gateway.carries(socket))).toEqual([true, false]);
    idle.destroy();
    begun[0]?.end();
    expect(await answer).toContain('begun');
    expect(scene.gateway.numbers).toEqual({ inFlight: 0, bytesUp: 4, bytesDown: 5, connections: 1, waiting: 0 });
  });

  it('closes its connections to the API when the service stops', async () => {
    scene = await Scene.start(echo);
    await scene.send('GET /v3.0/cells/a');
    const [socket] = scene.apiSockets;
    expect(socket?.destroyed).toBe(false);
    scene.gateway.onApplicationShutdown();
    if (socket?.closed === false) await once(socket, 'close');
  });

  it('goes through the proxy of its settings', async () => {
    const proxy = await TestProxy.start();
    proxy.refuseWith = 403;
    scene = await Scene.start(echo, { apiUrl: 'https://api.example', proxyUrl: `http://127.0.0.1:${proxy.port}` });
    expect(await scene.send('GET /v3.0/cells/a')).toMatch(/^HTTP\/1\.1 502 /);
    expect([proxy.targets, scene.ended[0]?.outcome]).toEqual([['api.example:443'], 'proxy_refused']);
    await proxy.close();
  });

  it('traces a request and one that it refuses, and reports both as part of their traces', async () => {
    const exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator({
      inject: (below, carrier, setter) => {
        setter.set(carrier, 'traceparent', `below ${trace.getSpan(below)?.spanContext().spanId ?? 'nobody'}`);
      },
      extract: (above) => above,
      fields: () => [],
    });
    const reported: unknown[] = [];
    const observer = () => reported.push(trace.getActiveSpan()?.spanContext().spanId);
    let sentOn: unknown;
    const answer: RequestListener = ({ headers }, response) => {
      sentOn = headers.traceparent;
      response.writeHead(500).end();
    };
    scene = await Scene.start(answer, { observer });
    await scene.send('GET /v3.0/cells/a');
    await scene.send('PROPFIND /v3.0/cells/a');
    for (const api of [trace, context, propagation]) api.disable();

    const [upstream, request, refused] = exporter.getFinishedSpans();
    expect(sentOn).toBe(`below ${upstream?.spanContext().spanId}`);
    expect(reported).toEqual([request, refused].map((span) => span?.spanContext().spanId));
    const ofAnswer = (status: number, outcome: string) => ({
      attributes: { 'http.response.status_code': status, 'cells_authority.outcome': outcome },
    });
    expect([upstream, request]).toMatchObject([ofAnswer(500, 'passed'), ofAnswer(500, 'passed')]);
    expect(upstream?.attributes).toMatchObject({ 'server.address': '127.0.0.1' });
    expect(refused).toMatchObject({ name: 'PROPFIND /v3.0/cells', ...ofAnswer(405, 'method_not_allowed') });
    expect(exporter.getFinishedSpans()).toHaveLength(3);
  });

  it('ends what is under way when the service stops', async () => {
    const begun: ServerResponse[] = [];
    scene = await Scene.start((_request, response) => begun.push(response));
    const waiting = scene.send('GET /v3.0/cells/a');
    while (begun.length === 0) await delay(1);
    const [socket] = scene.sockets;
    if (socket === undefined) throw new Error('no connection');
    expect([scene.gateway.carries(socket), scene.gateway.numbers.inFlight]).toEqual([true, 1]);
    scene.gateway.endTransfers();
    const answer = await waiting;
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toContain('\r\nRetry-After: 1\r\n');
    expect(answer).toContain('The service is being restarted');
    expect(scene.gateway.carries(socket)).toBe(false);
    expect(scene.ended).toMatchObject([{ outcome: 'stopping', status: 503 }]);
  });

  it('passes on hints and signs of life, but no interim answer to an old client', async () => {
    const answer: RequestListener = (_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</a>; rel=preload' }, () => response.end('ok'));
    };
    scene = await Scene.start(answer);
    const received = await scene.send('GET /v3.0/cells/a');
    expect(received).toMatch(
      /^HTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 103 Early Hints\r\nLink: <\/a>; rel=preload\r\n\r\nHTTP\/1\.1 200 /i,
    );
    expect(await scene.send('GET /v3.0/cells/a', [], '', { version: '1.0' })).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('answers early when the API does, and wants no more of the body', async () => {
    scene = await Scene.start((_request, response) => response.writeHead(403).end('no'));
    const answer = await scene.send('POST /v3.0/cells/a', ['Content-Length: 1000'], 'begun');
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(scene.ended).toMatchObject([{ outcome: 'passed', status: 403 }]);
    expect(scene.gateway.numbers.inFlight).toBe(0);
  });

  it('moves a large body at the pace of the slower side, both ways', async () => {
    const large = 'x'.repeat(1024 * 1024);
    scene = await Scene.start((request, response) => {
      setTimeout(() => {
        void bodyOf(request).then((body) => response.end(body));
      }, 20);
    });
    const socket = scene.client();
    socket.write(
      `POST /v3.0/cells/a HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: ${large.length}\r\n\r\n${large}`,
    );
    socket.pause();
    setTimeout(() => socket.resume(), 60);
    expect((await text(socket)).endsWith(large)).toBe(true);
    expect(scene.gateway.numbers).toMatchObject({ bytesUp: large.length, bytesDown: large.length });
  });

  describe('in a session', () => {
    /** The API refuses `own`, and whatever else the test lists. */
    const start = async (refused: string[], later?: Promise<void>): Promise<string[]> => {
      const received: string[] = [];
      scene = await Scene.start((request, response) => {
        void bodyOf(request).then((body) => {
          const token = request.headers.authorization?.slice('Bearer '.length) ?? '';
          received.push(`${token} ${body}`);
          response.writeHead(refused.includes(token) ? 401 : 200).end(`for ${token}`);
        });
      });
      scene.session = {
        token: () => 'own',
        isReplacement: () => false,
        tokenInsteadOf: async () => {
          await later;
          return 'another';
        },
      };
      return received;
    };

    it.each([
      ['GET', [], '', ''],
      ['POST', ['Content-Length: 4'], 'body', 'body'],
      ['POST', ['Transfer-Encoding: chunked'], '4\r\nbody\r\n0\r\n\r\n', 'body'],
    ])('repeats a refused request with another token: %s %j', async (method, headers, sent, body) => {
      const received = await start(['own']);
      const answer = await scene.send(`${method} /v3.0/cells/a`, [BEARER, ...headers], sent);
      expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*for another/);
      expect(received).toEqual([`own ${body}`, `another ${body}`]);
      expect(scene.events.flatMap((event) => (event.type === 'token' ? [event.action] : []))).toEqual([
        'passed',
        'dropped',
        'repeated',
      ]);
      expect(scene.invalidated).toEqual(['own']);
    });

    it('passes on a refusal of the other token as well', async () => {
      const received = await start(['own', 'another']);
      expect(await scene.send('GET /v3.0/cells/a', [BEARER])).toMatch(/^HTTP\/1\.1 401 [^]*for another/);
      expect(received).toHaveLength(2);
    });

    it('passes on a refusal that cannot be repeated because of its size', async () => {
      const received = await start(['own']);
      const body = 'x'.repeat(256 * 1024 + 1);
      expect(await scene.send('POST /v3.0/cells/a', [BEARER, `Content-Length: ${body.length}`], body)).toMatch(
        /^HTTP\/1\.1 401 /,
      );
      expect(received).toHaveLength(1);
      expect(scene.events).toContainEqual({ type: 'token', action: 'not_repeatable' });
    });

    it('sends a good token instead of the client’s own, once it is there', async () => {
      const received = await start([]);
      if (scene.session !== undefined) scene.session = { ...scene.session, token: () => Promise.resolve('good') };
      expect(await scene.send('POST /v3.0/cells/a', [BEARER, 'Content-Length: 4'], 'body')).toContain('for good');
      expect(received).toEqual(['good body']);
    });

    it('answers with the reason when no token could be chosen', async () => {
      await start([]);
      if (scene.session !== undefined)
        scene.session = { ...scene.session, token: () => Promise.reject(new Error('broken')) };
      expect(await scene.send('GET /v3.0/cells/a', [BEARER])).toMatch(/^HTTP\/1\.1 502 /);
    });
  });
});
