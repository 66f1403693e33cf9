import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { closedAtTheEnd } from './leftovers.js';
import { type RawRequest, takeRequest } from './raw-request.js';

/** What a script acts on: one request and its socket. */
export interface Exchange {
  readonly request: RawRequest;
  /** 1 for the first request of its connection. */
  readonly nth: number;
  readonly socket: Socket;
  /** Ends the connection with a TCP RST, under TLS too. */
  reset(): void;
}

/** Does on the wire what the test needs, once a whole request is there. Doing nothing leaves the client waiting. */
export type Script = (exchange: Exchange) => void;

export interface ScriptedServerOptions {
  /** PEM. Without them the server speaks plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Acts as soon as the TCP connection is open, before anything is read. */
  readonly onConnection?: (socket: Socket) => void;
}

interface RecordedConnection {
  readonly requests: readonly RawRequest[];
  /** Everything the client sent on it, after decryption. */
  readonly received: Buffer;
  readonly open: boolean;
}

/** An authorization server, as far as a test can see it. */
export interface Upstream {
  readonly tokenUrl: string;
  /** In the order they came, failed TLS handshakes included. */
  readonly connections: readonly RecordedConnection[];
  /** The requests of all connections. */
  readonly requests: readonly RawRequest[];
  /** Destroys every socket; resolves when the port is closed. */
  close(): Promise<void>;
}

export interface ScriptedServer extends Upstream {
  readonly port: number;
  /** Drops all connections at once, as a server does whose idle timeout strikes. */
  dropConnections(how: 'FIN' | 'RST'): void;
}

/** Clients break off here all the time; that is no failure of the server's. */
const ignore = () => undefined;

class Connection implements RecordedConnection {
  readonly requests: RawRequest[] = [];
  readonly #chunks: Buffer[] = [];
  #unread: Buffer = Buffer.alloc(0);

  constructor(readonly tcp: Socket) {}

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get open(): boolean {
    return !this.tcp.destroyed;
  }

  serve(socket: Socket, script: Script): void {
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#unread = Buffer.concat([this.#unread, chunk]);
      for (let taken = takeRequest(this.#unread); taken; taken = takeRequest(this.#unread)) {
        this.#unread = taken.rest;
        this.requests.push(taken.request);
        script({
          request: taken.request,
          nth: this.requests.length,
          socket,
          reset: () => this.tcp.resetAndDestroy(),
        });
      }
    });
  }
}

/** Starts a server on a free loopback port that misbehaves exactly as its script says, and records what it was sent. */
export async function startScriptedServer(
  script: Script,
  options: ScriptedServerOptions = {},
): Promise<ScriptedServer> {
  const connections: Connection[] = [];
  const server = options.tls ? createTlsServer(options.tls) : createServer();
  // Under TLS too this event brings the TCP socket, which is what a reset must be sent on.
  server.on('connection', (socket: Socket) => {
    const connection = new Connection(socket.on('error', ignore));
    connections.push(connection);
    options.onConnection?.(socket);
    if (!options.tls) connection.serve(socket, script);
  });
  server.on('secureConnection', (socket: Socket) => {
    socket.on('error', ignore);
    connections.find(({ tcp }) => tcp.remotePort === socket.remotePort && !tcp.destroyed)?.serve(socket, script);
  });

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return closedAtTheEnd({
    port,
    tokenUrl: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}/connect/token`,
    connections,
    get requests() {
      return connections.flatMap(({ requests }) => requests);
    },
    dropConnections: (how) => {
      for (const { tcp } of connections) {
        if (how === 'RST') tcp.resetAndDestroy();
        else tcp.destroy();
      }
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const { tcp } of connections) tcp.destroy();
      await closed;
    },
  });
}
