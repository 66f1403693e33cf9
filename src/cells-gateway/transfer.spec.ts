import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { CertificateAuthority } from '../../test/support/certificate-authority.js';
import { type CertificateAuthorities } from '../cells-authority/internal.js';
import { type GatewayFailure, STOPPING, tooLarge } from './gateway-failure.js';
import { KeptBodies } from './kept-body.js';
import { bodyFraming } from './request-body.js';
import { type RequestToken } from './request-token.js';
import { Transfer, type TransferEnd, type TransferTerms } from './transfer.js';
import { UpstreamConnections } from './upstream-connections.js';

const MIB = 1024 * 1024;
const GET = 'GET /v3.0/cells HTTP/1.1\r\nHost: g\r\n\r\n';
const post = (length: number, body: string) =>
  `POST /v3.0/cells HTTP/1.1\r\nHost: g\r\nContent-Length: ${length}\r\n\r\n${body}`;

/** A token in a session, which the API refuses as often as there are others. */
class SessionToken {
  replacement: string | undefined;
  readonly inSession = true;
  readonly repeatable: boolean[] = [];
  chosen: Promise<void> | undefined;
  /** What becomes of a refusal. */
  another: Promise<boolean> | undefined = Promise.resolve(true);

  choose(): Promise<void> | undefined {
    return this.chosen;
  }

  refused(repeatable: boolean): Promise<boolean> | undefined {
    this.repeatable.push(repeatable);
    return repeatable ? this.another : undefined;
  }
}

/** Transfers before an API of the test's own, whose clock the test moves. */
class Scene {
  readonly transfers: Transfer[] = [];
  readonly ends: TransferEnd[] = [];
  readonly refusals: GatewayFailure[] = [];
  readonly apiSockets: Socket[] = [];
  readonly clients: Socket[] = [];
  readonly keptBodies = new KeptBodies();
  readonly token = new SessionToken();
  #servers: Server[] = [];
  #connections!: UpstreamConnections;

  static async start(
    answer: RequestListener | Server,
    {
      inSession = false,
      tls = false,
      ...settings
    }: Partial<TransferTerms> & { inSession?: boolean; tls?: boolean } = {},
  ): Promise<Scene> {
    const scene = new Scene();
    const api = typeof answer === 'function' ? createServer(answer) : answer;
    api.on('connection', (socket: Socket) => scene.apiSockets.push(socket.on('error', () => undefined)));
    const upstream = new URL(`http://127.0.0.1:${await scene.#listen(api)}`);
    scene.#connections = new UpstreamConnections({
      origin: upstream,
      connectTimeoutMs: 1000,
      authorities: { pem: undefined, close: () => undefined } as unknown as CertificateAuthorities,
      proxy: undefined,
    });
    const terms: TransferTerms = {
      connections: scene.#connections,
      upstream,
      maxBodyBytes: 4 * MIB,
      tooLarge: tooLarge(4),
      timeoutMs: 1000,
      idleTimeoutMs: 100,
      keptBodies: scene.keptBodies,
      ...settings,
    };
    const take: RequestListener = (request, response) => {
      scene.#begin(terms, request, response, inSession);
    };
    const front = tls ? createTlsServer(new CertificateAuthority().issue(), take) : createServer(take);
    front.on('connection', (socket: Socket) => socket.on('error', () => undefined));
    await scene.#listen(front);
    return scene;
  }

  async #listen(server: Server): Promise<number> {
    this.#servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  }

  #begin(terms: TransferTerms, request: IncomingMessage, response: ServerResponse, inSession: boolean): void {
    const transfer = new Transfer(
      terms,
      {
        request,
        response,
        requestId: 'the-id',
        api: '/v3.0/cells',
        target: request.url ?? '',
        framing: bodyFraming(request.headers),
        token: inSession ? (this.token as unknown as RequestToken) : undefined,
      },
      undefined,
      (failure) => {
        this.refusals.push(failure);
        response.writeHead(failure.status).end();
      },
      (end) => this.ends.push(end),
    );
    this.transfers.push(transfer);
    transfer.start();
  }

  /** Sends this, and collects what comes back. */
  client(text: string, { tls = false } = {}): { socket: Socket; received: () => string; closed: Promise<string> } {
    const { port } = this.#servers[1]?.address() as AddressInfo;
    const place = { port, host: '127.0.0.1' };
    const socket = tls ? connectTls({ ...place, rejectUnauthorized: false }) : connect(place);
    let received = '';
    let how = 'ended';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('error', (error: Error & { code?: string }) => (how = error.code ?? ''));
    const closed = new Promise<string>((resolve) => {
      socket.once('close', () => {
        resolve(how);
      });
    });
    socket.write(text);
    this.clients.push(socket);
    return { socket, received: () => received, closed };
  }

  async close(): Promise<void> {
    for (const socket of [...this.clients, ...this.apiSockets]) socket.destroy();
    this.#connections.destroy();
    for (const server of this.#servers) {
      server.close();
      await once(server, 'close');
    }
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Collects requests for the test to answer. */
function collected(): { begun: ServerResponse[]; answer: RequestListener } {
  const begun: ServerResponse[] = [];
  return { begun, answer: (_request, response) => begun.push(response) };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** An API that sends these bytes when something has come in on a connection. */
function answering(bytes: string): Server {
  return createTcpServer((socket) => {
    socket.once('data', () => socket.write(bytes));
  });
}

describe('A transfer', () => {
  let scene: Scene;
  let over: boolean;

  /** Lets events happen until the condition holds, or the test is over. */
  async function until(condition: () => boolean): Promise<void> {
    while (!condition() && !over) await delay(1);
  }

  /** A transfer whose request the API has seen; `answer` is the API's, which has not begun. */
  async function underway(text = GET, settings: { tls?: boolean } = {}) {
    const { begun, answer } = collected();
    scene = await Scene.start(answer, settings);
    const client = scene.client(text, settings);
    await until(() => begun.length > 0);
    const [first] = begun;
    if (!first) throw new Error('The API has not seen the request.');
    return { ...client, answer: first };
  }

  beforeEach(() => {
    over = false;
    jest.useFakeTimers({
      now: 1_000_000,
      doNotFake: [
        ...(['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] as const),
        ...(['nextTick', 'queueMicrotask', 'Date'] as const),
      ],
    });
    jest.advanceTimersByTime(1_000_000);
  });
  afterEach(async () => {
    over = true;
    jest.useRealTimers();
    await scene.close();
  });

  const check = (afterMs = 0): void => {
    jest.advanceTimersByTime(afterMs);
    for (const transfer of scene.transfers) transfer.check(performance.now());
  };

  describe('and time:', () => {
    it('tells how long the headers of the answer took, and the whole', async () => {
      const { answer, ...client } = await underway();
      jest.advanceTimersByTime(30);
      answer.flushHeaders();
      await until(() => client.received().includes('\r\n\r\n'));
      jest.advanceTimersByTime(20);
      answer.end('ok');
      await until(() => scene.ends.length > 0);
      expect(scene.ends).toEqual([{ outcome: 'passed', cut: false, headersMs: 30, wholeMs: 50 }]);
    });

    it('ends when the answer has not begun for too long after the request was sent', async () => {
      const { socket } = await underway(post(4, 'bo'));
      check(50);
      socket.write('dy');
      await until(() => scene.transfers[0]?.bytesUp === 4);
      await turn();
      check(999);
      expect(scene.ends).toEqual([]);
      check(1);
      expect(scene.refusals).toMatchObject([{ outcome: 'timeout' }]);
      expect(scene.ends).toEqual([{ outcome: 'timeout', cut: false, headersMs: undefined, wholeMs: 1050 }]);
    });

    it('ends when nothing of the body has moved for too long', async () => {
      scene = await Scene.start(collected().answer);
      const { socket } = scene.client(post(9, 'bod'));
      await until(() => scene.transfers[0]?.bytesUp === 3);
      check(60);
      socket.write('y');
      await until(() => scene.transfers[0]?.bytesUp === 4);
      check(60);
      check(99);
      expect(scene.ends).toEqual([]);
      check(1);
      expect(scene.refusals).toMatchObject([{ outcome: 'idle' }]);
      expect(scene.ends).toMatchObject([{ outcome: 'idle', cut: false }]);
    });

    it('breaks off when nothing of the answer has moved for too long, but not because the answer took long', async () => {
      const { answer, ...client } = await underway();
      check(900);
      answer.flushHeaders();
      await until(() => client.received().includes('\r\n\r\n'));
      check(99);
      answer.write('a');
      await until(() => client.received().includes('a\r\n'));
      check(99);
      check(99);
      expect(scene.ends).toEqual([]);
      check(1);
      expect(scene.ends).toMatchObject([{ outcome: 'idle', cut: true, headersMs: 900 }]);
      expect(scene.refusals).toEqual([]);
      expect(await client.closed).toBe('ECONNRESET');
    });

    it('goes on while as much moves one way as the other', async () => {
      scene = await Scene.start((_request, response) => response.write('answ'));
      const client = scene.client(post(9, 'body'));
      await until(() => client.received().includes('answ'));
      check(60);
      check(60);
      expect(scene.ends).toEqual([]);
    });

    it('breaks off over TLS as well', async () => {
      const { answer, ...client } = await underway(GET, { tls: true });
      answer.flushHeaders();
      await until(() => client.received().includes('\r\n\r\n'));
      check(100);
      expect(scene.ends).toMatchObject([{ outcome: 'idle', cut: true }]);
      await client.closed;
    });

    it('ends once', async () => {
      const { answer } = await underway();
      for (const failure of [STOPPING, tooLarge(1)]) scene.transfers[0]?.fail(failure);
      check(10_000);
      await until(() => answer.closed);
      expect(scene.ends).toMatchObject([{ outcome: 'stopping' }]);
      expect(scene.refusals).toEqual([STOPPING]);
    });
  });

  describe('whose client is gone', () => {
    it('ends although the client had to wait and was not read', async () => {
      const silent = createTcpServer((socket) => socket.pause());
      scene = await Scene.start(silent, { maxBodyBytes: 64 * MIB });
      const { socket } = scene.client(post(64 * MIB, 'x'.repeat(32 * MIB)));
      let up = 0;
      // Until the API's buffers are full, and the gateway reads no more.
      await until(() => {
        const before = up;
        up = scene.transfers[0]?.bytesUp ?? 0;
        return up > MIB && up === before && socket.writableNeedDrain;
      });
      socket.resetAndDestroy();
      await until(() => {
        check();
        return scene.ends.length > 0;
      });
      expect(scene.ends).toMatchObject([{ outcome: 'client_gone', cut: false }]);
    });

    it('ends although its answer had to wait for another one on the connection', async () => {
      const { begun, answer } = collected();
      scene = await Scene.start(answer);
      const { socket } = scene.client(GET + post(9, 'body'));
      await until(() => begun.length === 2);
      socket.resetAndDestroy();
      await until(() => scene.ends.length === 2);
      expect(scene.ends).toMatchObject([{ outcome: 'client_gone' }, { outcome: 'client_gone' }]);
      await until(() => begun.every((response) => response.closed));
    });

    it('does not begin when the client went while a token was chosen', async () => {
      const { begun, answer } = collected();
      scene = await Scene.start(answer, { inSession: true });
      let chosen = (): void => undefined;
      scene.token.chosen = new Promise((resolve) => (chosen = resolve));
      const { socket } = scene.client(GET);
      await until(() => scene.transfers.length > 0);
      socket.destroy();
      await until(() => scene.ends.length > 0);
      chosen();
      scene.token.chosen = undefined;
      scene.client(GET);
      await until(() => begun.length > 0);
      expect(scene.apiSockets).toHaveLength(1);
    });
  });

  describe('passes on', () => {
    it('the headers of an answer before its body', async () => {
      const { answer, ...client } = await underway();
      answer.setHeader('Content-Length', 4).flushHeaders();
      await until(() => client.received().endsWith('\r\n\r\n'));
      answer.end('body');
      await until(() => client.received().endsWith('\r\n\r\nbody'));
    });

    it('an early answer without a body at once, before the rest of the request', async () => {
      jest.useFakeTimers({ now: 1_000_000, doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
      scene = await Scene.start((_request, response) => response.writeHead(403, { 'Content-Length': 0 }).end());
      const client = scene.client(post(9, 'body'));
      await until(() => client.received().startsWith('HTTP/1.1 403'));
      expect(scene.ends).toMatchObject([{ outcome: 'passed' }]);
      expect(client.socket.readableEnded).toBe(false);
    });

    it('one request after another on one connection, and none after an early answer', async () => {
      scene = await Scene.start((request, response) => {
        if (request.method === 'GET') response.end('ok');
        else response.write('early', () => response.end());
      });
      for (const nth of [1, 2]) {
        scene.client(GET);
        await until(() => scene.ends.length === nth);
      }
      expect(scene.apiSockets).toHaveLength(1);
      scene.client(post(9, 'body'));
      await until(() => scene.apiSockets[0]?.closed === true);
      expect(scene.ends.at(-1)).toMatchObject({ outcome: 'passed', cut: false });
    });

    it('no switch of protocols', async () => {
      scene = await Scene.start(answering('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
      scene.client(GET);
      await until(() => scene.ends.length > 0);
      expect(scene.ends).toMatchObject([{ outcome: 'invalid_response' }]);
      await until(() => scene.apiSockets[0]?.closed === true);
    });

    const linkOf = (length: number, parameters: number) => {
      const rest = '; a=b'.repeat(parameters);
      return `<${'x'.repeat(length - rest.length - 2)}>${rest}`;
    };

    it('no hint that Node would take for ever to check', async () => {
      const link = `<x>${';a=b'.repeat(60)}"`;
      scene = await Scene.start(answering(`HTTP/1.1 103 X\r\nLink: ${link}\r\n\r\n${OK}`));
      const client = scene.client(GET);
      await until(() => client.received().endsWith('ok'));
      expect(client.received()).toMatch(/^HTTP\/1\.1 200 /);
    });

    it('no more interim answers than the client reads', async () => {
      const interim = 'HTTP/1.1 102 Processing\r\n\r\n';
      scene = await Scene.start(answering(interim.repeat(MIB / 2) + OK));
      const client = scene.client(GET);
      client.socket.pause();
      let most = 0;
      await until(() => {
        most = Math.max(most, scene.transfers[0]?.socket.writableLength ?? 0);
        return scene.transfers[0]?.bytesDown === 2;
      });
      expect(most).toBeLessThan(MIB);
      client.socket.resume();
      await until(() => client.received().endsWith('ok'));
    });

    it('nothing of an answer that cannot be written', async () => {
      scene = await Scene.start(answering('HTTP/1.1 200 \x01\r\nContent-Length: 0\r\n\r\n'));
      scene.client(GET);
      await until(() => scene.ends.length > 0);
      expect(scene.refusals).toMatchObject([{ status: 502 }]);
    });

    it.each([
      ['a GET once more, on a connection of its own', GET, 'passed', 2],
      ['no GET with a body once more', post(1, 'x').replace('POST', 'GET'), 'connection_lost', 1],
      ['no POST once more', post(0, ''), 'connection_lost', 1],
    ])('%s, when a kept connection was dead', async (_what, text, outcome, times) => {
      const { begun, answer } = collected();
      let asked = 0;
      const old = new Set<Socket>();
      scene = await Scene.start((request, response) => {
        asked += 1;
        if (old.has(request.socket)) request.socket.destroy();
        else if (old.size > 0) response.end();
        else answer(request, response);
      });
      for (const each of [GET, GET]) scene.client(each);
      await until(() => begun.length === 2);
      for (const { req } of begun) old.add(req.socket);
      for (const response of begun) response.end();
      await until(() => scene.ends.length === 2);
      asked = 0;
      scene.client(text);
      await until(() => scene.ends.length === 3);
      expect([scene.ends[2]?.outcome, asked]).toEqual([outcome, times]);
    });

    it('no byte of a body that is larger than it may be, and ends', async () => {
      const { begun, answer } = collected();
      scene = await Scene.start(answer, { maxBodyBytes: 4 });
      scene.client(
        'POST /v3.0/cells HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n1\r\nx\r\n0\r\n\r\n',
      );
      await until(() => scene.ends.length > 0);
      expect(scene.ends).toMatchObject([{ outcome: 'too_large' }]);
      await until(() => begun.every((response) => response.closed));
    });

    it.each([
      [
        'a hint',
        'HTTP/1.1 103 X\r\nLink: </a>; rel=preload\r\n\r\n',
        'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload',
      ],
      [
        'a hint of 1,000 characters with 7 parameters',
        `HTTP/1.1 103 X\r\nLink: ${linkOf(1000, 7)}\r\n\r\n`,
        `HTTP/1.1 103 Early Hints\r\nLink: ${linkOf(1000, 7)}`,
      ],
      ['no hint that is longer', `HTTP/1.1 103 X\r\nLink: ${linkOf(1001, 7)}\r\n\r\n`, ''],
      ['no hint with more parameters', `HTTP/1.1 103 X\r\nLink: ${linkOf(100, 8)}\r\n\r\n`, ''],
      ['no hint without a link', 'HTTP/1.1 103 X\r\nX-A: b\r\n\r\n', ''],
      ['no hint whose link is malformed', 'HTTP/1.1 103 X\r\nLink: nonsense\r\n\r\n', ''],
      ['no other interim answer', 'HTTP/1.1 104 X\r\nLink: </a>; rel=preload\r\n\r\n', ''],
    ])('%s', async (_what, interim, passed) => {
      scene = await Scene.start(answering(interim + OK));
      const client = scene.client(GET);
      await until(() => scene.ends.length > 0);
      expect(scene.ends).toMatchObject([{ outcome: 'passed' }]);
      await until(() => client.received().includes('HTTP/1.1 200'));
      expect(client.received().split('HTTP/1.1 200')[0]?.trim().toLowerCase()).toBe(passed.toLowerCase());
    });
  });

  describe('in a session', () => {
    const CHUNKED = 'POST /v3.0/cells HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n';
    /** Refuses the first request, before its body has come, in an answer of this many bytes. */
    const refusing = (bytes: number) => {
      const bodies: string[] = [];
      let first = true;
      const answer: RequestListener = (request, response) => {
        if (first) response.writeHead(401, { 'Content-Length': bytes }).end('x'.repeat(bytes));
        first = false;
        void request.toArray().then(
          (chunks: unknown[]) => {
            bodies.push(chunks.map(String).join(''));
            response.end('ok');
          },
          () => undefined,
        );
      };
      return { bodies, answer };
    };

    it.each([
      ['keeps', 64 * 1024, 2],
      ['closes', 64 * 1024 + 1, 3],
    ])('%s the connection of a refusal of %i bytes', async (_what, bytes, connections) => {
      const { begun, answer } = collected();
      scene = await Scene.start(answer, { inSession: true });
      const refused = scene.client(GET);
      await until(() => begun.length === 1);
      begun[0]?.writeHead(401, { 'Content-Length': bytes }).end('x'.repeat(bytes));
      await until(() => begun.length === 2);
      begun[1]?.end('ok');
      await until(() => refused.received().includes('ok'));
      const others = [GET, GET].map((text) => scene.client(text));
      await until(() => begun.length === 4);
      expect(scene.apiSockets).toHaveLength(connections);
      for (const response of begun) response.end('ok');
      await until(() => others.every(({ received }) => received().includes('ok')));
    });

    it('repeats a request of known length whose body is still coming', async () => {
      const { bodies, answer } = refusing(0);
      scene = await Scene.start(answer, { inSession: true });
      const client = scene.client(post(4, 'bo'));
      await until(() => scene.token.repeatable.length > 0);
      await turn();
      client.socket.write('dy');
      await until(() => client.received().includes('ok'));
      expect([scene.token.repeatable, bodies.at(-1)]).toEqual([[true], 'body']);
      await until(() => scene.ends.length > 0);
      expect(scene.ends).toMatchObject([{ outcome: 'passed' }]);
      expect(scene.keptBodies.take(32 * MIB)).toBe(true);
    });

    it.each([
      ['a small one in a session', true, 256 * 1024, false],
      ['one that is too large', true, 256 * 1024 + 1, true],
      ['one outside of a session', false, 4, true],
    ])('keeps the body of a request that may be repeated only: %s', async (_which, inSession, length, nothingKept) => {
      scene = await Scene.start(collected().answer, { inSession });
      scene.client(post(length, 'bo'));
      await until(() => scene.transfers[0]?.bytesUp === 2);
      expect(scene.keptBodies.take(32 * MIB)).toBe(nothingKept);
    });

    it('does not repeat one without a length whose body is still coming', async () => {
      const { answer } = refusing(0);
      scene = await Scene.start(answer, { inSession: true });
      const client = scene.client(`${CHUNKED}4\r\nbody\r\n`);
      await until(() => client.received().startsWith('HTTP/1.1 401'));
      expect(scene.token.repeatable).toEqual([false]);
      expect(scene.keptBodies.take(32 * MIB)).toBe(true);
    });

    it('waits for the rest of a repeated request, rather than for its answer', async () => {
      const { begun, answer } = collected();
      scene = await Scene.start(answer, { inSession: true });
      scene.client(post(4, 'bo'));
      await until(() => begun.length === 1);
      begun[0]?.writeHead(401).end();
      await until(() => begun.length === 2);
      check();
      check(100);
      expect(scene.ends).toMatchObject([{ outcome: 'idle' }]);
    });

    it('tells of an API that answers a repeated request with nonsense', async () => {
      let answers = ['HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n', 'nonsense\r\n\r\n'];
      const api = createTcpServer((socket) => {
        socket.on('data', () => {
          socket.write(answers[0] ?? '');
          answers = answers.slice(1);
        });
      });
      scene = await Scene.start(api, { inSession: true });
      scene.client(GET);
      await until(() => scene.ends.length > 0);
      expect(scene.ends).toMatchObject([{ outcome: 'invalid_response' }]);
    });

    it.each(['passed', 'client_gone'])(
      'closes the connection of a refusal that has not ended with the transfer: %s',
      async (outcome) => {
        const { begun, answer } = collected();
        scene = await Scene.start(answer, { inSession: true });
        const client = scene.client(GET);
        await until(() => begun.length === 1);
        begun[0]?.writeHead(401, { 'Content-Length': 100 }).write('stalled');
        await until(() => begun.length === 2);
        if (outcome === 'passed') begun[1]?.end('ok');
        else client.socket.destroy();
        await until(() => scene.ends.length > 0);
        expect(scene.ends).toMatchObject([{ outcome }]);
        await until(() => begun[0]?.closed === true);
      },
    );

    it.each(['at first', 'after a refusal'])('fails when its token cannot be sent %s', async (when) => {
      scene = await Scene.start(refusing(0).answer, { inSession: true });
      const unfit = 'a\r\nX-Evil: 1';
      if (when === 'at first') scene.token.replacement = unfit;
      else {
        scene.token.refused = async () => {
          await turn();
          scene.token.replacement = unfit;
          return true;
        };
      }
      const client = scene.client(GET.replace('\r\n\r\n', '\r\nAuthorization: Bearer own\r\n\r\n'));
      await until(() => client.received() !== '');
      expect(scene.ends).toMatchObject([{ outcome: 'invalid_response' }]);
    });

    it('passes a refusal on while it is still coming', async () => {
      const { begun, answer } = collected();
      scene = await Scene.start(answer, { inSession: true });
      scene.token.another = Promise.resolve(false);
      const client = scene.client(GET);
      await until(() => begun.length > 0);
      begun[0]?.writeHead(401).write('half');
      await until(() => client.received().includes('half'));
      begun[0]?.end('whole');
      await until(() => client.received().includes('whole'));
      expect(scene.refusals).toEqual([]);
    });

    it('passes the refusal on when there is no other token', async () => {
      const { answer } = refusing(7);
      scene = await Scene.start(answer, { inSession: true });
      scene.token.another = Promise.resolve(false);
      const client = scene.client(GET);
      await until(() => client.received().endsWith('xxxxxxx'));
      expect(client.received()).toMatch(/^HTTP\/1\.1 401 /);
    });

    it.each([true, false])(
      'tells of an API that broke off its refusal meanwhile (another token: %p)',
      async (again) => {
        let first = true;
        const api = createTcpServer((socket) => {
          socket.once('data', () => {
            if (first) socket.write('HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\nhalf');
            else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
            first = false;
          });
        });
        scene = await Scene.start(api, { inSession: true });
        let another: ((again: boolean) => void) | undefined;
        scene.token.another = new Promise((resolve) => (another = resolve));
        scene.client(GET);
        await until(() => scene.token.repeatable.length > 0);
        const [socket] = scene.apiSockets;
        socket?.resetAndDestroy();
        for (let turns = 0; turns < 20; turns += 1) await turn();
        expect(scene.ends).toEqual([]);
        another?.(again);
        await until(() => scene.ends.length > 0);
        expect(scene.ends).toMatchObject([{ outcome: again ? 'passed' : 'connection_lost', cut: false }]);
      },
    );
  });
});
