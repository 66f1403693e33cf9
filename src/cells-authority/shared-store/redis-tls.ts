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

/** TLS for connections to Redis. The files are watched: new connections use their latest contents. */
export class RedisTls {
  readonly #authorities: CertificateAuthorities;
  #own: ClientCertificate | undefined;
  readonly #stop: () => void;

  /** @throws Error that names the file of `redisUrl` that cannot be used, without quoting its contents. */
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

  /** For a new connection. */
  get options(): ConnectionOptions {
    return { ...verifiedTls(this.#authorities.pem), ...this.#own };
  }

  /** Stops watching the files. */
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
    // Reported below.
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
