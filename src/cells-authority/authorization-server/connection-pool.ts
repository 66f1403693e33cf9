import { lookup } from 'node:dns';
import { Socket } from 'node:net';
import { buildConnector, Client, type Dispatcher, Pool } from 'undici';
import { type AuthorityOptions } from '../cells-authority.options.js';
import { CertificateAuthorities } from '../certificate-authorities.js';
import { failTogether, ForwardProxy } from '../forward-proxy.js';
import { verifiedTls } from '../verified-tls.js';
import { sharedLookup } from './shared-lookup.js';
import { type ExchangeConnection, TokenExchange, type UpstreamResponse } from './token-exchange.js';
import { TransportFailure } from './transport-failure.js';

/** The settings of a pool of connections to one origin. */
export interface ConnectionPoolOptions {
  readonly origin: string;
  readonly maxConnections: number;
  /** Milliseconds for connecting, TLS included; then it fails with a {@link TransportFailure}. */
  readonly connectTimeoutMs: number;
  readonly authorities: CertificateAuthorities;
  /** Proxy for HTTPS. Plain HTTP only goes to this machine and never through a proxy. */
  readonly proxy: ForwardProxy | undefined;
}

/** A request in the shape that the token endpoint takes. */
export interface UpstreamRequest {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** Milliseconds for connecting, sending and the whole answer. */
  readonly timeoutMs: number;
  /** Sends it on a new connection that is closed afterwards. */
  readonly ownConnection: boolean;
}

/** Idle connections are closed after this long. One that the server closes first costs a retry, not an error. */
const KEEP_ALIVE_MS = 15_000;

/** Makes the pool for the module's options. @throws Error when the CA file cannot be read. */
export function openConnectionPool(options: AuthorityOptions): ConnectionPool {
  const { upstreamTokenUrl, upstreamMaxConnections, upstreamConnectTimeoutMs, upstreamCaFile, upstreamProxyUrl } =
    options;
  return new ConnectionPool({
    origin: new URL(upstreamTokenUrl).origin,
    maxConnections: upstreamMaxConnections,
    connectTimeoutMs: upstreamConnectTimeoutMs,
    authorities: new CertificateAuthorities(upstreamCaFile, 'upstreamCaFile (UPSTREAM_CA_FILE)'),
    proxy: upstreamProxyUrl === undefined ? undefined : new ForwardProxy(upstreamProxyUrl),
  });
}

/**
 * Keep-alive connections to the authorization server, on undici. Certificates are verified, redirects are not followed,
 * and proxy variables of the environment are ignored.
 */
export class ConnectionPool {
  readonly #pool: Pool;
  readonly #openClient: () => Client;
  readonly #ownConnections = new Set<Client>();

  readonly #followed: readonly { close(): void }[];

  constructor({ origin, maxConnections, connectTimeoutMs, authorities, proxy }: ConnectionPoolOptions) {
    this.#followed = [authorities, ...(proxy === undefined ? [] : [proxy])];
    const connect = verifiedConnector({ connectTimeoutMs, authorities, proxy });
    const clientOptions = {
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The exchange's own deadline covers headers and body.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    this.#openClient = () => new OneConnectionClient(origin, clientOptions, new Connection(connect));
    this.#pool = new Pool(origin, {
      ...clientOptions,
      connections: maxConnections,
      connect,
      factory: (url, options: object) => new OneConnectionClient(url, options, new Connection(connect)),
    });
  }

  /** Sends one request. @throws TransportFailure when no complete answer comes. */
  exchange(request: UpstreamRequest): Promise<UpstreamResponse> {
    return request.ownConnection ? this.#exchangeAlone(request) : dispatch(this.#pool, request);
  }

  async #exchangeAlone(request: UpstreamRequest): Promise<UpstreamResponse> {
    const client = this.#openClient();
    this.#ownConnections.add(client);
    try {
      return await dispatch(client, request);
    } finally {
      this.#ownConnections.delete(client);
      void client.destroy();
    }
  }

  /** How many connections are open at the moment; for metrics. */
  get connections(): number {
    return this.#pool.stats.connected + this.#ownConnections.size;
  }

  /** Closes every connection at once. */
  async destroy(): Promise<void> {
    for (const followed of this.#followed) followed.close();
    await Promise.all([this.#pool.destroy(), ...[...this.#ownConnections].map((client) => client.destroy())]);
  }
}

function dispatch(dispatcher: Dispatcher, request: UpstreamRequest): Promise<UpstreamResponse> {
  const { path, headers, body, timeoutMs } = request;
  const exchange = new TokenExchange(timeoutMs);
  try {
    const options: ExchangeOptions = { method: 'POST', path, headers, body, exchange };
    dispatcher.dispatch(options, exchange);
  } catch (error) {
    exchange.fail(error);
  }
  return exchange.response;
}

/** The socket behind an undici client, which undici does not expose. */
class Connection implements ExchangeConnection {
  #socket: Socket | undefined;

  constructor(private readonly open: Connector) {}

  readonly connect: Connector = (target, done) => {
    this.open(target, (...result) => {
      const [error, socket] = result;
      if (error === null) this.#socket = socket;
      done(...result);
    });
  };

  get reused(): boolean {
    return this.#socket?.destroyed === false;
  }

  get bytesRead(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  destroy(failure: TransportFailure): void {
    this.#socket?.destroy(failure);
  }
}

/** The exchange travels as an option, because the pool wraps the handler before its client sees it. */
interface ExchangeOptions extends Dispatcher.DispatchOptions {
  readonly exchange: TokenExchange;
}

/** Tells each exchange which connection it is sent on. */
class OneConnectionClient extends Client {
  readonly #connection: Connection;

  constructor(origin: string | URL, options: object, connection: Connection) {
    super(origin, { ...options, connect: connection.connect });
    this.#connection = connection;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if ('exchange' in options && options.exchange instanceof TokenExchange) options.exchange.assignTo(this.#connection);
    return super.dispatch(options, handler);
  }
}

type Connector = buildConnector.connector;
/** undici's connectors return the socket before it is connected, which their type does not show. */
type Connecting = (...args: Parameters<Connector>) => unknown;

/** Opens connections on which a secret may be sent: with verified certificates and a time limit. */
function verifiedConnector({
  connectTimeoutMs,
  authorities,
  proxy,
}: Pick<ConnectionPoolOptions, 'connectTimeoutMs' | 'authorities' | 'proxy'>): Connector {
  const shared = sharedLookup(lookup);
  const trusting = (ca: string | undefined) =>
    buildConnector({ timeout: 0, autoSelectFamily: true, lookup: shared, ...verifiedTls(ca) });
  let trusted = authorities.pem;
  let connect: Connecting = trusting(trusted);
  const connectNow = (...[target, done]: Parameters<Connector>): unknown => {
    if (authorities.pem !== trusted) {
      trusted = authorities.pem;
      // This also discards TLS sessions from before, which would skip the check against the new authorities.
      connect = trusting(trusted);
    }
    return connect(target, done);
  };
  return withTimeout(proxy === undefined ? connectNow : through(proxy, connectNow), connectTimeoutMs);
}

function through(proxy: ForwardProxy, connect: Connecting): Connecting {
  return (target, done) => {
    if (target.protocol !== 'https:') return connect(target, done);
    const tunnel = proxy.tunnel(target.hostname.replace(/^\[|\]$/g, ''), Number(target.port) || 443, (failure) => {
      if (failure !== undefined) {
        done(failure, null);
        return;
      }
      const socket = connect({ ...target, httpSocket: tunnel }, done);
      if (socket instanceof Socket) failTogether(socket, tunnel);
    });
    return tunnel;
  };
}

/** undici's own connect timeout is only accurate to about a second. */
function withTimeout(connect: Connecting, timeoutMs: number): Connector {
  return (target, done) => {
    const connecting: { socket?: unknown } = {};
    const timer = setTimeout(() => {
      const failure = new TransportFailure('connect_timeout', false, 'CONNECT_TIMEOUT');
      if (connecting.socket instanceof Socket) connecting.socket.destroy(failure);
    }, timeoutMs);
    connecting.socket = connect(target, (...result) => {
      clearTimeout(timer);
      done(...result);
    });
  };
}
