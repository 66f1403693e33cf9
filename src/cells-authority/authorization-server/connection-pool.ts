import { Socket } from 'node:net';
import { buildConnector, Client, type Dispatcher, Pool } from 'undici';
import { TokenExchange, type UpstreamResponse } from './token-exchange.js';
import { TransportFailure } from './transport-failure.js';

/** What a pool of connections to one origin is made of. */
export interface ConnectionPoolOptions {
  readonly origin: string;
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  /** PEM text of the certificate authorities to trust; absent: Node's own. */
  readonly ca: string | undefined;
}

/** A request in the shape that the token endpoint takes. */
export interface UpstreamRequest {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** Milliseconds for connecting, sending and the whole answer. */
  readonly timeoutMs: number;
}

type Connect = buildConnector.connector;

/** Idle connections are dropped after this long; a stale one costs a retry, not an error. */
const KEEP_ALIVE_MS = 15_000;

/**
 * Keep-alive connections to the authorization server. Certificates are verified, redirects are not followed,
 * proxy variables of the environment are not read.
 */
export class ConnectionPool {
  readonly #pool: Pool;

  constructor({ origin, maxConnections, connectTimeoutMs, ca }: ConnectionPoolOptions) {
    const connect = withConnectTimeout(
      buildConnector({ timeout: 0, autoSelectFamily: true, ...(ca === undefined ? {} : { ca }) }),
      connectTimeoutMs,
    );
    this.#pool = new Pool(origin, {
      connections: maxConnections,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The exchange's own deadline covers headers and body.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect,
      factory: (url, options: object) => new OneConnectionClient(url, options, new Connection(connect)),
    });
  }

  /** Sends one request. @throws TransportFailure when no complete answer comes. */
  async exchange({ path, headers, body, timeoutMs }: UpstreamRequest): Promise<UpstreamResponse> {
    const exchange = new TokenExchange(timeoutMs);
    try {
      this.#pool.dispatch({ method: 'POST', path, headers, body }, exchange);
    } catch (error) {
      exchange.fail(error);
    }
    return exchange.response;
  }

  /** Ends every connection at once. */
  async destroy(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** Knows the socket behind an undici client, which undici itself does not tell. */
class Connection {
  #socket: Socket | undefined;

  constructor(private readonly open: Connect) {}

  readonly connect: Connect = (target, done) => {
    this.open(target, (...result) => {
      const [error, socket] = result;
      if (error === null) this.#socket = socket;
      done(...result);
    });
  };

  /** The socket, once it has served a request and is still open. */
  get idleSocket(): Socket | undefined {
    return this.#socket?.destroyed === false ? this.#socket : undefined;
  }
}

/** Tells each exchange whether it goes out on a connection that served others before. */
class OneConnectionClient extends Client {
  readonly #connection: Connection;

  constructor(origin: string | URL, options: object, connection: Connection) {
    super(origin, { ...options, connect: connection.connect });
    this.#connection = connection;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (handler instanceof TokenExchange) handler.assignTo(this.#connection.idleSocket);
    return super.dispatch(options, handler);
  }
}

/** undici's own connect timeout is coarse (about a second); a budget is a budget. */
function withConnectTimeout(connect: Connect, timeoutMs: number): Connect {
  return (target, done) => {
    // undici's connectors return the socket before it is connected, though their type does not say so.
    const connecting: { socket?: unknown } = {};
    const timer = setTimeout(() => {
      const failure = new TransportFailure('connect_timeout', false, 'CONNECT_TIMEOUT');
      if (connecting.socket instanceof Socket) connecting.socket.destroy(failure);
    }, timeoutMs);
    connecting.socket = open(connect, target, (...result) => {
      clearTimeout(timer);
      done(...result);
    });
  };
}

function open(connect: (...args: Parameters<Connect>) => unknown, ...args: Parameters<Connect>): unknown {
  return connect(...args);
}
