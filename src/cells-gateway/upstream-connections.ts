import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { TransportFailure, verifiedTls } from '../cells-authority/index.js';

/** Connections to the Cells API at a time. */
const MAX_CONNECTIONS = 256;
/** Requests that may wait for one of them. */
const MAX_WAITING = 64;
/** Idle connections are dropped after this long, or sooner where the Cells API says so. */
const KEEP_ALIVE_MS = 15_000;
/** Of a response; the requests' are 16 KiB at most. */
const MAX_HEADER_BYTES = 64 * 1024;

/** How the Cells API is reached. */
export interface UpstreamConnectionsOptions {
  readonly origin: URL;
  /** Milliseconds for a connection, TLS included. */
  readonly connectTimeoutMs: number;
  /** PEM text of the certificate authorities to trust; absent: Node's own. */
  readonly ca: string | undefined;
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
 * Keep-alive connections to the Cells API, which no token request has to share. Certificates are verified whatever
 * `NODE_TLS_REJECT_UNAUTHORIZED` says, redirects are not followed, proxy variables of the environment are not read.
 */
export class UpstreamConnections {
  readonly #options: object;
  readonly #kept: HttpAgent;
  readonly #single: HttpAgent;
  readonly #request: typeof httpRequest;
  #open = 0;

  constructor(private readonly settings: UpstreamConnectionsOptions) {
    const { origin, ca } = settings;
    const tls = origin.protocol === 'https:';
    const host = origin.hostname.replace(/^\[|\]$/g, '');
    this.#request = tls ? httpsRequest : httpRequest;
    this.#options = {
      host,
      port: origin.port === '' ? (tls ? 443 : 80) : Number(origin.port),
      maxHeaderSize: MAX_HEADER_BYTES,
      ...(tls ? { ...verifiedTls(ca), servername: serverName(host) } : {}),
    };
    const Agent = tls ? HttpsAgent : HttpAgent;
    this.#kept = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS, timeout: KEEP_ALIVE_MS });
    this.#single = new Agent({ keepAlive: false });
  }

  /** Whether one more request would wait too far back in the line. */
  get full(): boolean {
    return this.#open >= MAX_CONNECTIONS + MAX_WAITING;
  }

  /** Opens a request, whose body is then written to it. It fails with a {@link TransportFailure} when connecting takes too long. */
  open({ method, path, headers, ownConnection }: UpstreamRequest): ClientRequest {
    const request = this.#request({
      ...this.#options,
      agent: ownConnection ? this.#single : this.#kept,
      method,
      path,
      headers,
    });
    this.#open += 1;
    request.once('close', () => {
      this.#open -= 1;
    });
    request.once('socket', (socket) => {
      if (socket.connecting) limitConnecting(socket, this.settings.connectTimeoutMs);
    });
    return request;
  }

  /** Open connections, and requests that wait for one; for metrics. */
  get numbers(): { readonly connections: number; readonly waiting: number } {
    const agents = [this.#kept, this.#single];
    const count = (lists: NodeJS.ReadOnlyDict<readonly unknown[]>) => Object.values(lists).flat().length;
    return {
      connections: agents.reduce((sum, { sockets, freeSockets }) => sum + count(sockets) + count(freeSockets), 0),
      waiting: agents.reduce((sum, { requests }) => sum + count(requests), 0),
    };
  }

  /** Ends every connection at once. */
  destroy(): void {
    this.#kept.destroy();
    this.#single.destroy();
  }
}

/** For SNI and the check of the certificate; an address has none (RFC 6066 §3), and is checked as it is. */
function serverName(host: string): string {
  return /^[\d.]+$|:/.test(host) ? '' : host;
}

function limitConnecting(socket: Socket, timeoutMs: number): void {
  const timer = setTimeout(() => {
    socket.destroy(new TransportFailure('connect_timeout', true, 'CONNECT_TIMEOUT'));
  }, timeoutMs);
  const clear = () => {
    clearTimeout(timer);
  };
  socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', clear).once('close', clear);
}
