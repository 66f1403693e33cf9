import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type Server as TlsServer } from 'node:tls';
import { Logger } from '@nestjs/common';

/** PEM text, as `node:tls` takes it. */
export interface TlsCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Where the two files are. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** TLS 1.0 and 1.1 are not to be used any more (RFC 8996). */
export const TLS_OPTIONS = { minVersion: 'TLSv1.2' } as const;
/**
 * The files are read again this often: events of the file system miss what is mounted, linked or moved into place, which
 * is how certificates are renewed.
 */
const CHECK_INTERVAL_MS = 1000;

/** Reads certificate and key. @throws Error that says which of the two settings is wrong and shows nothing of either. */
export function readCertificate({ certFile, keyFile }: TlsFiles): TlsCertificate {
  const certificate = { cert: read('TLS_CERT_FILE', certFile), key: read('TLS_KEY_FILE', keyFile) };
  if (!isUsable(certificate)) {
    throw new Error('TLS_CERT_FILE and TLS_KEY_FILE must be PEM files of a certificate and its own private key');
  }
  return certificate;
}

function read(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new Error(`${name} cannot be read`);
  }
}

/** Serves a renewed certificate from the next connection on, for as long as the server listens. */
export function followCertificate(server: TlsServer, { certFile, keyFile }: TlsFiles, served: TlsCertificate): void {
  const logger = new Logger('Tls');
  let seen = served;

  async function check(): Promise<void> {
    const cert = await readFile(certFile, 'utf8').catch(() => seen.cert);
    const key = await readFile(keyFile, 'utf8').catch(() => seen.key);
    if (cert === seen.cert && key === seen.key) return;
    seen = { cert, key };
    // One of the two was replaced, and the other is about to be; or it is half written.
    if (!isUsable(seen)) {
      logger.warn('The certificate and the key on disk do not belong together; the ones before stay in use');
      return;
    }
    server.setSecureContext({ ...seen, ...TLS_OPTIONS });
    logger.log(`Serving a renewed certificate, valid until ${new X509Certificate(cert).validTo}`);
  }

  const timer = setInterval(() => void check(), CHECK_INTERVAL_MS).unref();
  server.once('close', () => {
    clearInterval(timer);
  });
}

function isUsable({ cert, key }: TlsCertificate): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
