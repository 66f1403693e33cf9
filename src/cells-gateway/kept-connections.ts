import { Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import { type Socket } from 'node:net';
import { type Connect, connectFor } from './outgoing-request.js';

export interface KeptConnectionsOptions {
  readonly connect: Connect;
  /** Connections at a time; further requests wait. */
  readonly maxConnections: number;
  /** Milliseconds for which an unused connection is kept; less if the server says so. */
  readonly keepAliveMs: number;
}

/**
 * Keep-alive connections to one server. Node's own agent is made for any number of servers: for every request it copies
 * its options, builds a name, searches its lists and sets the socket's options again, a quarter of the request's cost.
 */
export class KeptConnections extends Agent {
  /** Last in, first out. */
  readonly #idle: Socket[] = [];
  #waiting: ClientRequest[] = [];
  readonly #connections = new Set<Socket>();
  /** Bytes each connection had received when it was last given to a request. */
  readonly #bytesRead = new WeakMap<Socket, number>();

  constructor(private readonly settings: KeptConnectionsOptions) {
    super({ keepAlive: true });
  }

  /** Open connections, how many of them are unused, and requests waiting for one. */
  get numbers(): { readonly connections: number; readonly idle: number; readonly waiting: number } {
    return { connections: this.#connections.size, idle: this.#idle.length, waiting: this.#stillWaiting.length };
  }

  /** Called by Node's client for every request; must give it a connection with `onSocket`. */
  addRequest(request: ClientRequest): void {
    const idle = this.#takeIdle();
    if (idle !== undefined) this.#reuse(idle, request);
    else if (this.#connections.size < this.settings.maxConnections) this.#connect(request);
    else this.#waiting = [...this.#stillWaiting, request];
  }

  /** Whether a failed request was on a kept connection that then did not receive a single byte. */
  wasDead({ socket }: ClientRequest): boolean {
    return socket !== null && socket.bytesRead === this.#bytesRead.get(socket);
  }

  override destroy(): void {
    for (const socket of this.#connections) socket.destroy();
  }

  #takeIdle(): Socket | undefined {
    let socket = this.#idle.pop();
    // A connection that is being closed is still listed.
    while (socket?.writable === false) socket = this.#idle.pop();
    return socket;
  }

  /** Filtered here because Node does not report the end of a request that has no connection yet. */
  get #stillWaiting(): ClientRequest[] {
    return this.#waiting.filter(({ destroyed }) => !destroyed);
  }

  #connect(request: ClientRequest): void {
    const connection = connectFor(request, this.settings.connect, (socket) => {
      this.#keep(socket);
      request.once('response', (answer) => {
        this.#heedServer(socket, answer);
      });
    });
    this.#count(connection);
  }

  /** Apart from {@link #connect}, or the listener would keep the request, and with it the token. */
  #count(connection: Socket): void {
    this.#connections.add(connection);
    connection.once('close', () => {
      this.#connections.delete(connection);
      const next = this.#waiting.shift();
      if (next !== undefined) this.#connect(next);
    });
  }

  #keep(socket: Socket): void {
    // Emitted by Node when a response has ended and the connection can be used again.
    socket.on('free', () => {
      this.#freed(socket);
    });
    socket.once('close', () => {
      const at = this.#idle.indexOf(socket);
      if (at !== -1) this.#idle.splice(at, 1);
    });
    // Nothing else listens while it is idle; the error closes it.
    socket.on('error', () => undefined);
    socket.setTimeout(this.settings.keepAliveMs);
    socket.on('timeout', () => {
      if (this.#idle.includes(socket)) socket.destroy();
    });
  }

  #reuse(socket: Socket, request: ClientRequest): void {
    this.#bytesRead.set(socket, socket.bytesRead);
    request.reusedSocket = true;
    request.onSocket(socket);
  }

  #freed(socket: Socket): void {
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    // As Node's own agent does. Otherwise the socket would keep the request, and with it the token.
    Object.assign(socket, { _httpMessage: null });
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(socket);
    else this.#reuse(socket, next);
  }

  /** Reads how long the server keeps connections from the first answer on each. */
  #heedServer(socket: Socket, { headers }: IncomingMessage): void {
    const seconds = /\btimeout=(\d+)/i.exec(String(headers['keep-alive']))?.[1];
    if (seconds === undefined) return;
    // A second less, or a request might be sent just when the server closes.
    const milliseconds = Math.max(1, (Number(seconds) - 1) * 1000);
    if (milliseconds < this.settings.keepAliveMs) socket.setTimeout(milliseconds);
  }
}
