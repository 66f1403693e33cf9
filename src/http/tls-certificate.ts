import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type Server as TlsServer } from 'node:tls';
import { Logger } from '@nestjs/common';
import { followFiles } from '../cells-authority/internal.js';
import { type Environment } from '../config/environment.js';

/** Where the two files are. */
interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** PEM text, as `node:tls` takes it. */
interface CertificatePair {
  /** The certificate and its intermediate certificates. */
  readonly cert: string;
  readonly key: string;
}

/** TLS 1.0 and 1.1 must no longer be used (RFC 8996). */
const TLS_OPTIONS = { minVersion: 'TLSv1.2' } as const;

/** The certificate set in the environment, if any. @throws Error when it cannot be used. */
export function tlsCertificate(environment: Environment): TlsCertificate | undefined {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = environment;
  return certFile === undefined || keyFile === undefined ? undefined : new TlsCertificate({ certFile, keyFile });
}

/** The certificate in use. Its files are watched. */
export class TlsCertificate {
  readonly #files: TlsFiles;
  readonly #logger = new Logger('Tls');
  #served: CertificatePair;

  /** @throws Error that says which of the two settings is wrong, without quoting either. */
  constructor(files: TlsFiles) {
    this.#files = files;
    this.#served = { cert: read('TLS_CERT_FILE', files.certFile), key: read('TLS_KEY_FILE', files.keyFile) };
    if (!isUsable(this.#served)) {
      throw new Error('TLS_CERT_FILE and TLS_KEY_FILE must be PEM files of a certificate and its own private key');
    }
    if (!isInForce(this.#served)) this.#logger.warn(`The certificate is not in force: ${validity(this.#served)}`);
  }

  /** When the certificate in use expires, in milliseconds since 1970. */
  get endsAt(): number {
    return leaf(this.#served).end;
  }

  get serverOptions(): CertificatePair & typeof TLS_OPTIONS {
    return { ...this.#served, ...TLS_OPTIONS };
  }

  /** Uses renewed certificates for new connections, as long as the server listens. */
  follow(server: TlsServer): void {
    const { certFile, keyFile } = this.#files;
    const { cert, key } = this.#served;
    const stop = followFiles([certFile, keyFile], [cert, key], ([cert = '', key = '']) => {
      const onDisk = { cert, key };
      if (isSame(onDisk, this.#served)) return;
      const reason = this.#reasonToRefuse(onDisk);
      if (reason === undefined) {
        this.#served = onDisk;
        server.setSecureContext(this.serverOptions);
        this.#logger.log(`Serving a renewed certificate, ${validity(onDisk)}`);
      } else {
        this.#logger.warn(`${reason}; the certificate and the key before stay in use`);
      }
    });
    server.once('close', stop);
  }

  #reasonToRefuse(pair: CertificatePair): string | undefined {
    if (!isUsable(pair)) return 'The certificate and the key on disk are broken, or do not belong together';
    if (!isInForce(pair) && isInForce(this.#served)) {
      return `The certificate on disk is not in force (${validity(pair)}), and the one in use is`;
    }
    return undefined;
  }
}

function read(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new Error(`${name} cannot be read`);
  }
}

function isSame(one: CertificatePair, other: CertificatePair): boolean {
  return one.cert === other.cert && one.key === other.key;
}

/** Whether every certificate of the chain can be read, and the first has dates and belongs to the key. */
function isUsable({ cert, key }: CertificatePair): boolean {
  try {
    createSecureContext({ cert, key, ...TLS_OPTIONS });
    const chain = cert.split(/(?=-----BEGIN )/).filter((part) => part.startsWith('-----BEGIN '));
    const [first] = chain.map((part) => new X509Certificate(part));
    const { start, end } = leaf({ cert, key });
    return Number.isFinite(start) && Number.isFinite(end) && first?.checkPrivateKey(createPrivateKey(key)) === true;
  } catch {
    return false;
  }
}

function isInForce(pair: CertificatePair): boolean {
  const { start, end } = leaf(pair);
  return start <= Date.now() && Date.now() < end;
}

function validity(pair: CertificatePair): string {
  const { start, end } = leaf(pair);
  return `valid from ${new Date(start).toISOString()} to ${new Date(end).toISOString()}`;
}

/** In milliseconds since 1970; `NaN` for a date that does not exist, such as one in a 13th month. */
function leaf({ cert }: CertificatePair): { readonly start: number; readonly end: number } {
  const { validFrom, validTo } = new X509Certificate(cert);
  return { start: Date.parse(validFrom), end: Date.parse(validTo) };
}
