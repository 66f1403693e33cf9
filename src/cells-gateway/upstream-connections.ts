import { type ClientRequest } from 'node:http';
import { connect, type OnReadOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import {
  type CertificateAuthorities,
  failTogether,
  type ForwardProxy,
  TransportFailure,
  verifiedTls,
} from '../cells-authority/internal.js';
import { KeptConnections } from './kept-connections.js';
import { type Connect, connectFor, OutgoingRequest } from './outgoing-request.js';
import { sharingReadBuffer } from './read-buffer.js';

/** Connections to the Cells API at a time. */
const MAX_CONNECTIONS = 256;
/** Requests that may wait for a connection. */
const MAX_WAITING = 64;
/** Idle connections are closed after this long, or sooner if the Cells API says so. */
const KEEP_ALIVE_MS = 15_000;
/** Limit for responses; requests have 16 KiB at most. */
const MAX_HEADER_BYTES = 64 * 1024;

/** How the Cells API is reached. */
export interface UpstreamConnectionsOptions {
  readonly origin: URL;
  /** Milliseconds for a connection, TLS included. */
  readonly connectTimeoutMs: number;
  readonly authorities: CertificateAuthorities;
  /** Proxy for HTTPS. */
  readonly proxy: ForwardProxy | undefined;
}

/** One request as it goes out. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Sends it on a new connection that is closed afterwards. */
  readonly ownConnection: boolean;
}

/**
 * Keep-alive connections to the Cells API, separate from those for token requests. Certificates are verified whatever
 * `NODE_TLS_REJECT_UNAUTHORIZED` says, redirects are not followed, proxy variables of the environment are ignored.
 */
export class UpstreamConnections {
  readonly #kept: KeptConnections;
  readonly #connect: Connect;
  readonly #followed: readonly { close(): void }[];
  #single = 0;

  constructor({ origin, authorities, proxy, connectTimeoutMs }: UpstreamConnectionsOptions) {
    this.#followed = [authorities, ...(proxy === undefined ? [] : [proxy])];
    const tls = origin.protocol === 'https:';
    const host = origin.hostname.replace(/^\[|\]$/g, '');
    const port = origin.port === '' ? (tls ? 443 : 80) : Number(origin.port);
    const address = { host, port, noDelay: true, keepAlive: true };
    if (tls) {
      const secure = resumingTls({ ...address, servername: serverName(host) }, authorities);
      this.#connect =
        proxy === undefined
          ? directly(secure, 'secureConnect', connectTimeoutMs)
          : through(proxy, address, secure, connectTimeoutMs);
    } else {
      const plain = () => sharingReadBuffer((onread) => connect({ ...address, onread }));
      this.#connect = directly(plain, 'connect', connectTimeoutMs);
    }
    this.#kept = new KeptConnections({
      connect: this.#connect,
      maxConnections: MAX_CONNECTIONS,
      keepAliveMs: KEEP_ALIVE_MS,
    });
  }

  /** Whether too many requests are waiting already. */
  get full(): boolean {
    const { connections, idle, waiting } = this.#kept.numbers;
    return connections - idle + waiting + this.#single >= MAX_CONNECTIONS + MAX_WAITING;
  }

  /** Opens a request, without its body. Fails with a {@link TransportFailure} when connecting takes too long. */
  open({ method, path, headers, ownConnection }: UpstreamRequest): ClientRequest {
    if (!ownConnection) {
      return new OutgoingRequest({ agent: this.#kept, method, path, headers, maxHeaderSize: MAX_HEADER_BYTES });
    }
    const single = new OutgoingRequest({
      createConnection: () => undefined,
      method,
      path,
      headers,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    connectFor(single, this.#connect);
    this.#single += 1;
    return single.once('close', () => {
      this.#single -= 1;
    });
  }

  /** Whether a request failed because the Cells API closed its kept connection: then it has not been served. */
  wasDead(failed: ClientRequest): boolean {
    return this.#kept.wasDead(failed);
  }

  /** Open connections, and requests waiting for one; for metrics. */
  get numbers(): { readonly connections: number; readonly waiting: number } {
    const { connections, waiting } = this.#kept.numbers;
    return { connections: connections + this.#single, waiting };
  }

  /** Closes every connection at once. */
  destroy(): void {
    for (const followed of this.#followed) followed.close();
    this.#kept.destroy();
  }
}

/** For SNI and the certificate check. An IP address has no server name (RFC 6066 §3) and is checked as it is. */
function serverName(host: string): string {
  return /^[\d.]+$|:/.test(host) ? '' : host;
}

/** TLS, directly or over a connection that a proxy has made. */
type Secure = (tunnel?: Socket) => TLSSocket;

/** Resumes the TLS session of the previous connection, which saves half of the handshake. */
function resumingTls(address: ConnectionOptions, authorities: CertificateAuthorities): Secure {
  let session: Buffer | undefined;
  let trusted = authorities.pem;
  let options = { ...address, ...verifiedTls(trusted) };
  return (tunnel) => {
    if (authorities.pem !== trusted) {
      trusted = authorities.pem;
      options = { ...address, ...verifiedTls(trusted) };
      // The session was verified against the previous authorities.
      session = undefined;
    }
    const under = trusted;
    const resumed = { ...options, session };
    const socket =
      tunnel === undefined
        ? sharingReadBuffer((onread) => connectTls(withOnRead(resumed, onread)))
        : connectTls({ ...resumed, socket: tunnel });
    // The authorities may have been renewed since this connection began. Then its session is not the current one.
    socket.on('session', (issued: Buffer) => {
      if (under === trusted) session = issued;
    });
    socket.once('error', () => {
      if (under === trusted) session = undefined;
    });
    return socket;
  };
}

/** `tls.connect` takes this option as well, but its type lacks it. */
function withOnRead(options: ConnectionOptions, onread: OnReadOpts): ConnectionOptions & { onread: OnReadOpts } {
  return { ...options, onread };
}

function directly(open: () => Socket, connectedEvent: 'connect' | 'secureConnect', timeoutMs: number): Connect {
  return (connected) => {
    const socket = open();
    socket.once(connectedEvent, limitConnecting(socket, timeoutMs));
    connected(socket);
    return socket;
  };
}

function through(
  proxy: ForwardProxy,
  { host, port }: { readonly host: string; readonly port: number },
  secure: Secure,
  timeoutMs: number,
): Connect {
  return (connected) => {
    const tunnel = proxy.tunnel(host, port, (failure) => {
      if (failure !== undefined) {
        connected(failure);
        return;
      }
      const socket = secure(tunnel).once('secureConnect', inTime);
      failTogether(socket, tunnel);
      connected(socket);
    });
    const inTime = limitConnecting(tunnel, timeoutMs);
    return tunnel;
  };
}

/** Returns what is to be called when it is connected. */
function limitConnecting(socket: Socket, timeoutMs: number): () => void {
  const timer = setTimeout(() => {
    socket.destroy(new TransportFailure('connect_timeout', true, 'CONNECT_TIMEOUT'));
  }, timeoutMs);
  const clear = () => {
    clearTimeout(timer);
  };
  socket.once('close', clear);
  return clear;
}
