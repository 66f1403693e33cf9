import { Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import { type Socket } from 'node:net';

/** What the connections are kept by. */
export interface KeptConnectionsOptions {
  /** Begins a connection. */
  readonly connect: () => Socket;
  /** Connections at a time; further requests wait for one of them. */
  readonly maxConnections: number;
  /** Milliseconds for which an unused connection is kept; less where the server says so. */
  readonly keepAliveMs: number;
}

/**
 * Keep-alive connections to one server. Node's own agent serves any number of servers: for every request it copies its
 * options, composes a name, searches its lists and sets the socket's options again, a quarter of what the request costs.
 */
export class KeptConnections extends Agent {
  /** The one used last is the next to be used. */
  readonly #idle: Socket[] = [];
  #waiting: ClientRequest[] = [];
  readonly #connections = new Set<Socket>();
  /** How much each had brought when it was last given away. */
  readonly #bytesRead = new WeakMap<Socket, number>();

  constructor(private readonly settings: KeptConnectionsOptions) {
    super({ keepAlive: true });
  }

  /** Open connections, those of them that are unused, and requests that wait for one. */
  get numbers(): { readonly connections: number; readonly idle: number; readonly waiting: number } {
    const waiting = this.#waiting.length === 0 ? 0 : this.#stillWaiting.length;
    return { connections: this.#connections.size, idle: this.#idle.length, waiting };
  }

  /** What Node's client calls for every request, to be given a connection with `onSocket`. */
  addRequest(request: ClientRequest): void {
    const idle = this.#takeIdle();
    if (idle !== undefined) this.#reuse(idle, request);
    else if (this.#connections.size < this.settings.maxConnections) this.#connect(request);
    else this.#waiting = [...this.#stillWaiting, request];
  }

  /** Whether a request that failed was given a connection that had been kept, and did not bring a single byte for it. */
  wasDead({ reusedSocket, socket }: ClientRequest): boolean {
    return reusedSocket && socket !== null && socket.bytesRead === this.#bytesRead.get(socket);
  }

  override destroy(): void {
    for (const socket of this.#connections) socket.destroy();
  }

  #takeIdle(): Socket | undefined {
    let socket = this.#idle.pop();
    // One that is being closed is not closed yet.
    while (socket?.writable === false) socket = this.#idle.pop();
    return socket;
  }

  /** Node does not say that a request has ended that has no connection yet. */
  get #stillWaiting(): ClientRequest[] {
    return this.#waiting.filter(({ destroyed }) => !destroyed);
  }

  #connect(request: ClientRequest): void {
    const socket = this.settings.connect();
    this.#connections.add(socket);
    // Node emits it when a response has ended and the connection may go on.
    socket.on('free', () => {
      this.#freed(socket);
    });
    socket.once('close', () => {
      this.#closed(socket);
    });
    // An idle one has nobody else to hear of it, and closes.
    socket.on('error', () => undefined);
    socket.setTimeout(this.settings.keepAliveMs, () => {
      if (this.#idle.includes(socket)) socket.destroy();
    });
    request.once('response', (answer) => {
      this.#heedServer(socket, answer);
    });
    request.onSocket(socket);
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
    // Node's own agent does so, too: the request would be kept with the socket, and its token.
    Object.assign(socket, { _httpMessage: null });
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(socket);
    else this.#reuse(socket, next);
  }

  #closed(socket: Socket): void {
    this.#connections.delete(socket);
    const at = this.#idle.indexOf(socket);
    if (at !== -1) this.#idle.splice(at, 1);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#connect(next);
  }

  /** A server that says how long it keeps connections means all of them: its first answer is enough. */
  #heedServer(socket: Socket, { headers }: IncomingMessage): void {
    const seconds = /\btimeout=(\d+)/i.exec(String(headers['keep-alive']))?.[1];
    if (seconds === undefined) return;
    // A second less, or a request might meet the server's end of the connection.
    const milliseconds = Math.max(1, (Number(seconds) - 1) * 1000);
    if (milliseconds < this.settings.keepAliveMs) socket.setTimeout(milliseconds);
  }
}
