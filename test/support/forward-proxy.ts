import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type ServerCertificate } from './certificate-authority.js';
import { closedAtTheEnd } from './leftovers.js';

/** A forward proxy that connects to where it is asked to, on this machine, and remembers what passed. */
export class TestProxy {
  /** What was asked for, such as `127.0.0.1:443`. */
  readonly targets: string[] = [];
  /** All that clients sent through it. */
  passed = '';
  /** Answers CONNECT with this status instead. */
  refuseWith: number | undefined;
  /** Never answers. */
  silent = false;
  /** Damages what comes back, but not the first read, which is the handshake. */
  damaging = false;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly credentials: string | undefined,
    readonly port: number,
  ) {
    server.on('connection', (socket: Socket) => {
      this.#keep(socket);
    });
    server.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
      this.#connect(request, client, head);
    });
  }

  static async start(options: { credentials?: string; tls?: ServerCertificate } = {}): Promise<TestProxy> {
    const server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
    server.on('tlsClientError', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return closedAtTheEnd(new TestProxy(server, options.credentials, (server.address() as AddressInfo).port));
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
  }

  #connect({ url = '', headers }: IncomingMessage, client: Socket, head: Buffer): void {
    this.targets.push(url);
    this.#keep(client);
    if (this.silent) return;
    const given = /^Basic (.*)$/.exec(headers['proxy-authorization'] ?? '')?.[1] ?? '';
    const known = this.credentials === undefined || Buffer.from(given, 'base64').toString() === this.credentials;
    const status = known ? this.refuseWith : 407;
    if (status !== undefined) {
      client.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const [, host = '', port] = /^(.*):(\d+)$/.exec(url) ?? [];
    const target = connect(Number(port), host);
    this.#keep(target);
    target.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.write(head);
      client.on('data', (chunk: Buffer) => (this.passed += chunk.toString('latin1')));
      let reads = 0;
      target.on('data', (chunk: Buffer) => {
        reads += 1;
        if (this.damaging && reads > 1) chunk.writeUInt8(255 - chunk.readUInt8(chunk.length - 1), chunk.length - 1);
      });
      client.pipe(target).pipe(client);
    });
  }
}
