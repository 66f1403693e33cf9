import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type CellsAuthorityService, type TokenSession, type TokenSessions } from '../../src/cells-authority/index.js';
import { CellsGateway } from '../../src/cells-gateway/cells-gateway.js';
import { type CellsGatewayOptions } from '../../src/cells-gateway/cells-gateway.options.js';
import { type GatewayRequestEnded } from '../../src/cells-gateway/gateway-observer.js';
import { type ServerCertificate } from '../support/certificate-authority.js';
import { gatewayFirst } from '../../src/http/gateway-first.js';

/** The gateway in front of an upstream, in a bare HTTP server that answers 404 to everything else. */
export class TestGateway {
  readonly ended: GatewayRequestEnded[] = [];
  readonly gateway: CellsGateway;
  readonly server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(
    apiUrl: string,
    options: Partial<CellsGatewayOptions>,
    sessions: TokenSessions,
    certificate?: ServerCertificate,
  ) {
    const gatewayOptions: CellsGatewayOptions = {
      apiUrl,
      maxBodyMib: 512,
      timeoutMs: 5000,
      connectTimeoutMs: 1000,
      caFile: undefined,
      ownHeaders: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
      requestId: () => 'request-1',
      clientAddress: () => '127.0.0.1',
      observer: (event) => {
        if (event.type === 'request_ended') this.ended.push(event);
      },
      ...options,
    };
    const authority = { invalidate: () => false } as unknown as CellsAuthorityService;
    this.gateway = new CellsGateway(gatewayOptions, authority, sessions);
    const listener = gatewayFirst(
      () => this.gateway,
      (_request, response) => {
        response.writeHead(404, { 'X-Elsewhere': 'yes' }).end();
      },
    );
    this.server = (certificate === undefined ? createHttpServer(listener) : createHttpsServer(certificate, listener))
      .on('checkContinue', listener)
      .on('checkExpectation', listener);
    this.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** With `session` any token has a session; with a certificate it serves TLS. */
  static async start(
    apiUrl: string,
    options: Partial<CellsGatewayOptions> = {},
    session?: TokenSession,
    certificate?: ServerCertificate,
  ): Promise<TestGateway> {
    const sessions = { find: () => session } as unknown as TokenSessions;
    const gateway = new TestGateway(apiUrl, options, sessions, certificate);
    gateway.server.listen(0, '127.0.0.1');
    await once(gateway.server, 'listening');
    return gateway;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.gateway.onApplicationShutdown();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** What an upstream connection has received, and ways to answer it. */
export interface UpstreamConnection {
  readonly socket: Socket;
  /** Everything received so far, one character per byte. */
  readonly received: string;
}

/** An upstream that says exactly what it is told to, byte by byte. */
export class RawUpstream {
  readonly connections: UpstreamConnection[] = [];
  /** Is called for every request head that has come in whole, with its place on its connection, from 1. */
  onRequest: (connection: UpstreamConnection, nth: number) => void = ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  };
  readonly #server = createServer((socket) => {
    this.#serve(socket);
  });

  static async start(): Promise<RawUpstream> {
    const upstream = new RawUpstream();
    upstream.#server.listen(0, '127.0.0.1');
    await once(upstream.#server, 'listening');
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Everything that was sent to it, on all connections. */
  get received(): string {
    return this.connections.map(({ received }) => received).join('');
  }

  /** Forgets what was there so far; connections that are open go on. */
  clear(): void {
    this.dropAll();
    this.connections.length = 0;
  }

  dropAll(): void {
    for (const { socket } of this.connections) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.dropAll();
    await closed;
  }

  #serve(socket: Socket): void {
    const connection = { socket, received: '' };
    let heads = 0;
    this.connections.push(connection);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      connection.received += chunk.toString('latin1');
      const seen = connection.received.match(/^[A-Z]+ \S+ HTTP\/1\.1\r\n(?:[^\r\n]+\r\n)*\r\n/gm)?.length ?? 0;
      while (heads < seen) this.onRequest(connection, (heads += 1));
    });
  }
}

/** An upstream made of Node's own HTTP server. */
export class HttpUpstream {
  readonly server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(listener: RequestListener) {
    this.server = createHttpServer({ requestTimeout: 0 }, listener);
    this.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(listener: RequestListener, port = 0): Promise<HttpUpstream> {
    const upstream = new HttpUpstream(listener);
    upstream.server.listen(port, '127.0.0.1');
    await once(upstream.server, 'listening');
    return upstream;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
