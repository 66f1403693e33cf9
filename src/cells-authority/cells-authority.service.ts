import { Inject, Injectable } from '@nestjs/common';
import { abortable } from './abortable.js';
import { ConnectionPool } from './authorization-server/connection-pool.js';
import { AUTHORITY_OPTIONS, type AuthorityOptions, optionViolations } from './cells-authority.options.js';
import { type ClientCredentials } from './client-credentials/client-credentials.js';
import { validateTokenRequest } from './client-credentials/token-request.validation.js';
import { type TokenResponseDto } from './dto/token-responses.dto.js';
import { TokenSessions } from './sessions/token-sessions.js';
import { SHARED_STORE } from './injection-tokens.js';
import { type RedisAccessOptions, type RenewableStore } from './shared-store/renewable-store.js';
import { CacheKeys } from './token-cache/cache-keys.js';
import { type AuthorityNumbers, TokenAuthority } from './token-cache/token-authority.js';
import { type TokenAnswer } from './token-cache/kept-token.js';
import { maxAgeOn, PUBLISHED_PATH } from './token-paths.js';

/** How to get a token. */
export interface PostAccessTokenOptions {
  /** Seconds of life that the token must have left. Default 0. */
  readonly minFresh?: number | undefined;
  /** Fetch a new token, whatever is kept. Default false. */
  readonly forceRefresh?: boolean | undefined;
  /** Space-separated scopes (RFC 6749 §3.3). Default none. */
  readonly scope?: string | undefined;
  /** Ends the wait but not the upstream request, which others may be waiting for, too. */
  readonly signal?: AbortSignal | undefined;
}

/** The authorization server's token response (RFC 6749 §5.1), with everything else that it contains. */
export type TokenResponse = TokenResponseDto & Record<string, unknown>;

/**
 * Gets access tokens for client credentials: reused while they are good, fetched only once for concurrent callers, and
 * renewed before they expire.
 */
@Injectable()
export class CellsAuthorityService {
  constructor(
    @Inject(AUTHORITY_OPTIONS) private readonly options: AuthorityOptions,
    private readonly authority: TokenAuthority,
    private readonly pool: ConnectionPool,
    private readonly sessions: TokenSessions,
    private readonly keys: CacheKeys,
    @Inject(SHARED_STORE) private readonly sharedStore: RenewableStore | undefined,
  ) {}

  /**
   * A token for these client credentials.
   *
   * @throws OAuthError when the credentials are malformed or refused, or no token can be had.
   */
  async postAccessToken(credentials: ClientCredentials, options: PostAccessTokenOptions = {}): Promise<TokenResponse> {
    const { text } = await this.#obtain(credentials, options);
    return JSON.parse(text) as TokenResponse;
  }

  /**
   * The access token for the application's own credentials (option `credentials`).
   *
   * @throws OAuthError like {@link postAccessToken}.
   * @throws Error when the module was given no credentials.
   */
  async getAccessToken(options: PostAccessTokenOptions = {}): Promise<string> {
    const { credentials } = this.options;
    if (credentials === undefined) {
      throw new Error('CellsAuthorityModule: getAccessToken() needs the option "credentials"');
    }
    const owner = typeof credentials === 'function' ? await credentials() : credentials;
    const { accessToken } = await this.#obtain(owner, options);
    return accessToken;
  }

  /**
   * Drops exactly this token, for example because the Cells API refused it; a newer one stays.
   *
   * @returns whether it was kept here. For a token that was not issued here, nothing happens.
   */
  invalidate(accessToken: string): boolean {
    this.sessions.refused(accessToken);
    return this.authority.invalidate(accessToken);
  }

  /**
   * Switches to another Redis password, address or secret without a restart. Requests under way end with the previous
   * ones. Without Redis the secret only affects the fingerprints of clients in events.
   *
   * @throws Error when the options cannot be used; then nothing changes.
   */
  renewRedis(options: RedisAccessOptions): void {
    const wrong = optionViolations({ tokenCache: this.options.tokenCache, ...options });
    if (wrong.length > 0) {
      throw new Error(wrong.map(({ name, allowed }) => `${name} must be ${allowed}`).join('; '));
    }
    this.sharedStore?.renew(options);
    this.keys.renewFingerprints(options.tokenCacheSecret);
  }

  /** What is kept, waiting and open at the moment; for metrics. */
  get numbers(): AuthorityNumbers & { readonly openConnections: number } {
    return { ...this.authority.numbers, openConnections: this.pool.connections };
  }

  async #obtain(credentials: ClientCredentials, options: PostAccessTokenOptions): Promise<TokenAnswer> {
    const { minFresh = 0, forceRefresh = false, scope, signal } = options;
    validateTokenRequest(credentials, scope);
    signal?.throwIfAborted();
    const request = { credentials, scope, clientAddress: undefined };
    const terms = { maxAge: maxAgeOn(PUBLISHED_PATH, this.options), minFresh, forceRefresh };
    return abortable(Promise.resolve(this.authority.obtain(request, terms)), signal);
  }
}
