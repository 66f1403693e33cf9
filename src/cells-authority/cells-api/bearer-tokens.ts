import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type CellsAuthorityService } from '../cells-authority.service.js';
import { type CredentialsSource } from '../cells-authority.options.js';
import { type Clock } from '../clock.js';

/** A token that replaced a refused one is not itself replaced for this long. */
const RENEWAL_INTERVAL_MS = 10_000;
const MAX_RENEWALS = 1000;

/** Whose token is sent, and for which scope. */
export interface BearerTerms {
  /** Default: the application's own. */
  readonly credentials: CredentialsSource | undefined;
  readonly scope: string | undefined;
}

/** Tokens for calls to an API that may refuse them. */
export class BearerTokens {
  /** When a token replaced a refused one, by the token's digest. */
  readonly #renewedAt = new LRUCache<string, number>({ max: MAX_RENEWALS });

  constructor(
    private readonly authority: CellsAuthorityService,
    private readonly clock: Clock,
  ) {}

  async get({ credentials, scope }: BearerTerms, signal?: AbortSignal): Promise<string> {
    const options = { scope, signal };
    if (credentials === undefined) return this.authority.getAccessToken(options);
    const owner = typeof credentials === 'function' ? await credentials() : credentials;
    return (await this.authority.postAccessToken(owner, options)).access_token;
  }

  /**
   * Drops a token that the API refused, and no newer one, and gets another. `undefined` when the refused one replaced
   * another a few seconds ago: otherwise an API that refuses all tokens would cost a token request for every call.
   */
  async renew(refused: string, terms: BearerTerms, signal?: AbortSignal): Promise<string | undefined> {
    const renewedAt = this.#renewedAt.get(digest(refused)) ?? -Infinity;
    if (this.clock() - renewedAt < RENEWAL_INTERVAL_MS) return undefined;
    this.authority.invalidate(refused);
    const token = await this.get(terms, signal);
    if (!this.#renewedAt.has(digest(token))) this.#renewedAt.set(digest(token), this.clock());
    return token;
  }

  /** The same in the background: this request cannot be repeated, but the next one should have a new token. */
  renewInBackground(refused: string, terms: BearerTerms): void {
    this.renew(refused, terms).catch(() => undefined);
  }
}

function digest(token: string): string {
  return hash('sha256', token, 'base64url');
}
