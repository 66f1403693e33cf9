import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
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

  /** Begins a connection to a host through the proxy. Data waits until the proxy has accepted. */
  tunnel(host: string, port: number): Duplex {
    const { tls, credentials, ...proxy } = this.#address;
    const place = { host: proxy.host, port: proxy.port, noDelay: true, keepAlive: true };
    const socket = tls ? connectTls({ ...place, ...verifiedTls(this.#authorities.pem) }) : connect(place);
    const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const lines = [
      `CONNECT ${target} HTTP/1.1`,
      `Host: ${target}`,
      ...(credentials === undefined ? [] : [`Proxy-Authorization: Basic ${credentials}`]),
    ];
    return new Tunnel(socket, `${lines.join('\r\n')}${HEAD_END}`);
  }

  /** Stops watching the CA file. */
  close(): void {
    this.#authorities.close();
  }
}

/** When the TLS socket or the tunnel below it ends, ends the other one, too, with the tunnel's error. */
export function endTogether(secured: Socket, tunnel: Duplex): void {
  tunnel.once('error', (error) => {
    secured.destroy(error);
  });
  tunnel.once('close', () => {
    secured.destroy();
  });
  secured.once('close', () => {
    tunnel.destroy();
  });
}

/** The connection through the proxy. Fails with a {@link TransportFailure} when the proxy does not accept. */
class Tunnel extends Duplex {
  #agreed = false;
  #head = Buffer.alloc(0);
  #waiting: (() => void) | undefined;

  constructor(
    private readonly socket: Socket,
    request: string,
  ) {
    super();
    socket.write(request);
    socket.on('data', (chunk: Buffer) => {
      if (!this.#agreed) this.#readAnswer(chunk);
      else if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => {
      if (this.#agreed) this.push(null);
      else this.destroy(new TransportFailure('proxy_refused', false, 'PROXY_CLOSED'));
    });
    socket.on('error', () => {
      this.destroy(this.#agreed ? reset() : new TransportFailure('proxy_unreachable', true, 'PROXY_UNREACHABLE'));
    });
    socket.on('close', () => {
      this.destroy();
    });
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const write = () => {
      if (this.socket.write(chunk)) done();
      else this.socket.once('drain', done);
    };
    if (this.#agreed) write();
    else this.#waiting = write;
  }

  override _final(done: () => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }

  #readAnswer(chunk: Buffer): void {
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf(HEAD_END);
    if (end === -1) {
      if (this.#head.length > MAX_HEAD_BYTES)
        this.destroy(new TransportFailure('proxy_refused', false, 'PROXY_ANSWER'));
      return;
    }
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(this.#head.toString('latin1'))?.[1] ?? 'ANSWER';
    if (!status.startsWith('2')) {
      const kind = status === '407' ? 'proxy_auth' : 'proxy_refused';
      this.destroy(new TransportFailure(kind, false, `PROXY_${status}`));
      return;
    }
    this.#agreed = true;
    const rest = this.#head.subarray(end + HEAD_END.length);
    if (rest.length > 0) this.push(rest);
    this.#waiting?.();
  }
}

function reset(): Error {
  return Object.assign(new Error('the connection through the proxy was lost'), { code: 'ECONNRESET' });
}
