import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ConnectionOptions } from 'node:tls';
import { Logger } from '@nestjs/common';
import { CertificateAuthorities } from '../certificate-authorities.js';
import { followFiles } from '../followed-files.js';
import { verifiedTls } from '../verified-tls.js';
import { type RedisAddress } from './redis-address.js';

interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** How connections to Redis are secured. The files are followed: connections that begin later use what they hold then. */
export class RedisTls {
  readonly #authorities: CertificateAuthorities;
  #own: ClientCertificate | undefined;
  readonly #stop: () => void;

  /** @throws Error that says which of the files of `redisUrl` cannot be used, and quotes nothing of them. */
  constructor({ caFile, client }: Pick<RedisAddress, 'caFile' | 'client'>) {
    this.#own = client === undefined ? undefined : readOwn(client);
    try {
      this.#authorities = new CertificateAuthorities(caFile, '"ca" of redisUrl (REDIS_URL)');
    } catch {
      throw new Error('CellsAuthorityModule: the "ca" file of redisUrl must be a readable PEM file of certificates');
    }
    this.#stop =
      client === undefined || this.#own === undefined
        ? () => undefined
        : followFiles([client.certFile, client.keyFile], [this.#own.cert, this.#own.key], ([cert = '', key = '']) => {
            this.#renew({ cert, key });
          });
  }

  /** For a connection that begins now. */
  get options(): ConnectionOptions {
    return { ...verifiedTls(this.#authorities.pem), ...this.#own };
  }

  /** Follows the files no longer. */
  close(): void {
    this.#authorities.close();
    this.#stop();
  }

  #renew(pair: ClientCertificate): void {
    if (isPair(pair)) this.#own = pair;
    else {
      new Logger('CellsAuthority').warn(
        'The client certificate for Redis on disk is broken, or its key does not belong to it; the one before stays in use',
      );
    }
  }
}

function readOwn({ certFile, keyFile }: NonNullable<RedisAddress['client']>): ClientCertificate {
  try {
    const pair = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
    if (isPair(pair)) return pair;
  } catch {
    // Said below.
  }
  throw new Error(
    'CellsAuthorityModule: the "cert" and "key" files of redisUrl must be PEM files of a certificate and its own private key',
  );
}

function isPair({ cert, key }: ClientCertificate): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
