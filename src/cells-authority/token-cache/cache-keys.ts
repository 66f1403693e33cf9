import { hash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AUTHORITY_OPTIONS, type AuthorityOptions } from '../cells-authority.options.js';
import { type ClientCredentials } from '../client-credentials/client-credentials.js';

/**
 * Keyed hashes that stand for credentials, so that nothing kept can be turned back into them. Each process makes a key
 * of its own. Each field has its length in front, so that `ab` + `c` and `a` + `bc` do not get the same hash.
 *
 * Only fingerprints are ever seen outside the process, so only they need a hash that cannot be extended: SHA-512/256
 * (FIPS 180-4 §5.3.6). SHA-256 takes half as long.
 */
@Injectable()
export class CacheKeys {
  readonly #key = randomBytes(32).toString('base64');
  #fingerprintKey: string;
  readonly #tokenPrefix: string;

  constructor(
    @Inject(AUTHORITY_OPTIONS)
    { upstreamTokenUrl, tokenCacheSecret }: Pick<AuthorityOptions, 'upstreamTokenUrl' | 'tokenCacheSecret'>,
  ) {
    this.#fingerprintKey = this.#fingerprintKeyOf(tokenCacheSecret);
    this.#tokenPrefix = `${this.#key}token:${field(upstreamTokenUrl)}`;
  }

  /** Uses another `tokenCacheSecret` for fingerprints from now on. */
  renewFingerprints(tokenCacheSecret: string | undefined): void {
    this.#fingerprintKey = this.#fingerprintKeyOf(tokenCacheSecret);
  }

  #fingerprintKeyOf(tokenCacheSecret: string | undefined): string {
    return tokenCacheSecret?.split(',')[0] ?? this.#key;
  }

  /** The cache key: covers everything that decides which token is right. */
  token({ clientId, clientSecret }: ClientCredentials, scope: string | undefined): string {
    const pair = this.#tokenPrefix + field(clientId) + field(clientSecret);
    return innerHash(scope === undefined ? pair : pair + field(scope));
  }

  /** The key of a credential pair: the authorization server counts failures per pair. */
  pair(credentials: ClientCredentials): string {
    return this.pairOf(this.token(credentials, undefined));
  }

  /** The same, from the token key of a request without a scope. */
  pairOf(tokenKey: string): string {
    return `pair:${tokenKey}`;
  }

  /** The key of a token's session. */
  session(accessToken: string): string {
    return innerHash(`${this.#key}session:${accessToken}`);
  }

  /** Stands for a client id in events; with `tokenCacheSecret` it is the same in all processes that have that secret. */
  fingerprint(clientId: string): string {
    return fingerprintOf(clientId, this.#fingerprintKey);
  }
}

/** The fingerprint of a client id under a key: short, and only good for telling clients apart in a log. */
export function fingerprintOf(clientId: string, key: string): string {
  return hash('sha512-256', `${field(key)}fingerprint:${clientId}`, 'base64url').slice(0, 8);
}

/** For keys that nobody sees. */
function innerHash(text: string): string {
  return hash('sha256', text, 'base64url');
}

function field(text: string): string {
  return `${text.length}:${text}`;
}
