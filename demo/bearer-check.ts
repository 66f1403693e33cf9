import { createHash } from 'node:crypto';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const AUDIENCE = 'https://api.aspose.cloud/';
const MAX_REVOKED = 10_000;

/** What is wrong with a token, in the words of RFC 6750 §3.1. */
export type BearerFault = 'missing' | 'invalid_token';

/** Accepts tokens that the authorization server signed and that are neither expired nor revoked. */
export class BearerCheck {
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;
  readonly #revoked = new Set<string>();

  constructor(
    private readonly issuer: string,
    jwksUrl: string,
  ) {
    this.#keys = createRemoteJWKSet(new URL(jwksUrl));
  }

  async faultOf(authorization: string | undefined): Promise<BearerFault | undefined> {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return 'missing';
    if (this.#revoked.has(fingerprint(token))) return 'invalid_token';
    try {
      await jwtVerify(token, this.#keys, { issuer: this.issuer, audience: AUDIENCE, algorithms: ['RS256'] });
      return undefined;
    } catch {
      return 'invalid_token';
    }
  }

  revoke(token: string): void {
    const [oldest] = this.#revoked;
    if (this.#revoked.size >= MAX_REVOKED && oldest !== undefined) this.#revoked.delete(oldest);
    this.#revoked.add(fingerprint(token));
  }
}

const fingerprint = (token: string) => createHash('sha256').update(token).digest('base64');
