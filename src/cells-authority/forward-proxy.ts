import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { TransportFailure } from './authorization-server/transport-failure.js';
import { CertificateAuthorities } from './certificate-authorities.js';
import { verifiedTls } from './verified-tls.js';

/** Where the proxy is and how to log in, read from `upstreamProxyUrl`. */
interface ProxyAddress {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  /** For `Proxy-Authorization`. */
  readonly credentials: string | undefined;
  /** PEM file of the certificate authorities to trust instead of Node's own. */
  readonly caFile: string | undefined;
}

/** Limits the head of the proxy's answer to CONNECT; a body is not read. */
const MAX_HEAD_BYTES = 16 * 1024;
const HEAD_END = '\r\n\r\n';

/**
 * Reads a proxy's URL: `http://[user:password@]host[:port]`, `https://` for TLS to the proxy, and `?ca=<file>` for the
 * certificate authorities to trust there. User, password and file are percent-encoded. `undefined` for anything else.
 */
function parseProxyUrl(text: string): ProxyAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const { protocol, hostname, port, username, password, pathname, searchParams, hash } = url;
  const tls = protocol === 'https:';
  if (!tls && protocol !== 'http:') return undefined;
  if (pathname !== '/' || hash !== '' || [...searchParams.keys()].some((name) => name !== 'ca')) return undefined;
  try {
    const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return {
      tls,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (tls ? 443 : 80) : Number(port),
      credentials: user === ':' ? undefined : Buffer.from(user).toString('base64'),
      caFile: searchParams.get('ca') ?? undefined,
    };
  } catch {
    // A broken percent-encoding.
    return undefined;
  }
}

/** Whether {@link ForwardProxy} can use this URL. */
export function isProxyUrl(text: string): boolean {
  return parseProxyUrl(text) !== undefined;
}

/** A forward proxy. With CONNECT (RFC 9110 §9.3.6) it passes encrypted bytes on. */
export class ForwardProxy {
  readonly #address: ProxyAddress;
  readonly #authorities: CertificateAuthorities;

  /** @throws Error when the URL or its CA file cannot be used. Neither is quoted. */
  constructor(url: string) {
    const address = parseProxyUrl(url);
    if (address === undefined) throw new Error('CellsAuthorityModule: upstreamProxyUrl is not a proxy’s URL');
    this.#address = address;
    try {
      this.#authorities = new CertificateAuthorities(address.caFile, '"ca" of upstreamProxyUrl (UPSTREAM_PROXY_URL)');
    } catch {
      throw new Error(
        'CellsAuthorityModule: the "ca" file of upstreamProxyUrl must be a readable PEM file of certificates',
      );
    }
  }

  /**
   * Begins a connection to a host through the proxy.
   *
   * @param done is called once: when the proxy has accepted, or with the failure.
   * @returns a socket. From when the proxy has accepted it leads to the host. TLS can then use it as it is: over any
   *   other kind of stream, a damaged record ends the process (ERR_INTERNAL_ASSERTION, from Node's JSStreamSocket).
   */
  tunnel(host: string, port: number, done: (failure: Error | undefined) => void): Socket {
    const { tls, credentials, ...proxy } = this.#address;
    const place = { host: proxy.host, port: proxy.port, noDelay: true, keepAlive: true };
    const socket = tls ? connectTls({ ...place, ...verifiedTls(this.#authorities.pem) }) : connect(place);
    const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const lines = [
      `CONNECT ${target} HTTP/1.1`,
      `Host: ${target}`,
      ...(credentials === undefined ? [] : [`Proxy-Authorization: Basic ${credentials}`]),
    ];
    socket.write(`${lines.join('\r\n')}${HEAD_END}`);
    awaitAcceptance(socket, done);
    return socket;
  }

  /** Stops watching the CA file. */
  close(): void {
    this.#authorities.close();
  }
}

/** When the tunnel fails, TLS over it fails with the same error. Node itself closes each of them with the other. */
export function failTogether(secured: Socket, tunnel: Socket): void {
  tunnel.once('error', (error) => {
    secured.destroy(error);
  });
}

/** Not a function inside {@link awaitAcceptance}: it stays on the socket, and would keep `done` and what that refers to. */
const ignore = () => undefined;

/** Waits for the proxy's answer to CONNECT. A socket that it does not accept is destroyed. */
function awaitAcceptance(socket: Socket, done: (failure: Error | undefined) => void): void {
  let received = Buffer.alloc(0);
  const settle = (failure?: Error) => {
    socket.off('data', read).off('end', ended).off('error', failed).off('close', closed);
    socket.on('error', ignore);
    if (failure === undefined) socket.pause();
    else socket.destroy();
    done(failure);
  };
  const read = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const answer = finalAnswer(received);
    if (answer !== undefined) settle(refusal(answer));
    else if (received.length > MAX_HEAD_BYTES) settle(refused('ANSWER'));
  };
  const ended = () => {
    settle(refused('CLOSED'));
  };
  const failed = (error: Error) => {
    const unreachable = new TransportFailure('proxy_unreachable', true, 'PROXY_UNREACHABLE');
    settle(error instanceof TransportFailure ? error : unreachable);
  };
  const closed = () => {
    settle(Object.assign(new Error('the connection to the proxy was given up'), { code: 'ECONNRESET' }));
  };
  socket.on('data', read).on('end', ended).on('error', failed).on('close', closed);
}

interface ProxyAnswer {
  readonly status: string;
  /** How many bytes follow its head. */
  readonly surplus: number;
}

/** The answer after any interim ones (RFC 9110 §15.2); `undefined` if its head is not complete yet. */
function finalAnswer(received: Buffer): ProxyAnswer | undefined {
  for (let start = 0; ;) {
    const end = received.indexOf(HEAD_END, start);
    if (end === -1) return undefined;
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(received.toString('latin1', start, end))?.[1] ?? 'ANSWER';
    start = end + HEAD_END.length;
    if (!status.startsWith('1')) return { status, surplus: received.length - start };
  }
}

/** Why an answer does not open a tunnel; `undefined` if it does. The host says nothing before it is spoken to. */
function refusal({ status, surplus }: ProxyAnswer): TransportFailure | undefined {
  if (status === '407') return new TransportFailure('proxy_auth', false, 'PROXY_407');
  if (!status.startsWith('2')) return refused(status);
  return surplus > 0 ? refused('ANSWER') : undefined;
}

function refused(why: string): TransportFailure {
  return new TransportFailure('proxy_refused', false, `PROXY_${why}`);
}
