import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { CertificateAuthority } from '../support/certificate-authority.js';

/** Claims to be application data and cannot be decrypted. */
const BROKEN_RECORD = Buffer.concat([Buffer.of(0x17, 3, 3, 0, 32), Buffer.alloc(32)]);

/**
 * Presents a certificate that nobody trusts, and a broken record in the same packet: the client meets two errors at
 * once.
 */
export class HostileTls {
  /** How many clients came. */
  connections = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly front: Server,
    private readonly back: Server,
  ) {
    front.on('connection', (client) => {
      this.connections += 1;
      const server = connect((back.address() as AddressInfo).port, '127.0.0.1');
      client.pipe(server);
      server.on('data', (flight) => client.write(Buffer.concat([flight, BROKEN_RECORD])));
      server.on('end', () => client.end());
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => this.#sockets.delete(socket));
      }
    });
  }

  static async start(): Promise<HostileTls> {
    const back = createTlsServer(new CertificateAuthority().issue()).listen(0, '127.0.0.1');
    const front = createServer().listen(0, '127.0.0.1');
    await Promise.all([once(back, 'listening'), once(front, 'listening')]);
    return new HostileTls(front, back);
  }

  get port(): number {
    return (this.front.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = [this.front, this.back].map((server) => once(server, 'close'));
    this.front.close();
    this.back.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }
}
