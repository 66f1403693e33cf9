import { Inject, Injectable } from '@nestjs/common';
import { abortable } from './abortable.js';
import { AUTHORITY_OPTIONS, type AuthorityOptions } from './cells-authority.options.js';
import {
  type ClientCredentials,
  type FreshnessWish,
  type TokenRequest,
} from './client-credentials/client-credentials.js';
import { type HttpRequest } from './client-credentials/http-request.js';
import { readClientId, readAcceptableRequest } from './client-credentials/token-request.reader.js';
import { isPlainlyValid, validateTokenRequest } from './client-credentials/token-request.validation.js';
import { type TokenResponseDto } from './dto/token-response.dto.js';
import { OAuthError } from './errors/oauth-error.js';
import { invalidClientForBasic } from './errors/oauth-errors.js';
import { type AuthorityNumbers, TokenAuthority } from './token-cache/token-authority.js';
import { type TokenAnswer } from './token-cache/token-answer.js';

/** The published path, or one of those that SDKs call. */
export type TokenPath = 'published' | 'sdk';

/** How a token is to be got. */
export interface PostAccessTokenOptions {
  /** Seconds of life that the token must have left. Default 0. */
  readonly minFresh?: number;
  /** Fetch a new token, whatever is kept. Default false. */
  readonly forceRefresh?: boolean;
  /** Space-separated scopes (RFC 6749 §3.3). Default none. */
  readonly scope?: string;
  /** Ends the wait, not the upstream request: others may be waiting for it, too. */
  readonly signal?: AbortSignal;
}

/** The authorization server's token response (RFC 6749 §5.1), whatever else it contains included. */
export type TokenResponse = TokenResponseDto & Record<string, unknown>;

/**
 * Gets access tokens for client credentials: reused while they are good, fetched once however many ask, renewed ahead
 * of their expiry.
 */
@Injectable()
export class CellsAuthorityService {
  constructor(
    @Inject(AUTHORITY_OPTIONS) private readonly options: AuthorityOptions,
    private readonly authority: TokenAuthority,
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
    const { accessToken } = await this.#obtain(credentials, options);
    return accessToken;
  }

  /** Drops exactly this token, because the Cells API refused it, say; a newer one stays. */
  invalidate(accessToken: string): void {
    this.authority.invalidate(accessToken);
  }

  /** What is kept in memory at the moment; for metrics. */
  get numbers(): AuthorityNumbers {
    return this.authority.numbers;
  }

  /** Answers a token request that came over HTTP and has been validated. @throws OAuthError as it is to be sent. */
  answer(request: TokenRequest, path: TokenPath): TokenAnswer | Promise<TokenAnswer> {
    const answer = this.authority.obtain(request, this.#terms(request.wish, path));
    if (request.form !== 'basic' || !(answer instanceof Promise)) return answer;
    return answer.catch((error: unknown) => {
      throw error instanceof OAuthError ? invalidClientForBasic(error) : error;
    });
  }

  /**
   * Answers a token request that nobody has read yet: at once when its token is kept. `undefined` when it cannot be told
   * at a glance that the request is valid; it then has to be read and validated, and goes to {@link answer}.
   */
  readAndAnswer(request: HttpRequest, path: TokenPath): TokenAnswer | Promise<TokenAnswer> | undefined {
    const read = readAcceptableRequest(request, this.options.queryCredentials);
    if (read === undefined) return undefined;
    const { clientId, clientSecret } = read.credentials;
    return isPlainlyValid(clientId, clientSecret, read.scope, read.grantType) ? this.answer(read, path) : undefined;
  }

  /** Fingerprint, the same as in events, of the client id that a request names; `undefined` when it names none. */
  clientOf(request: HttpRequest): string | undefined {
    const clientId = readClientId(request);
    return clientId === undefined ? undefined : this.authority.fingerprint(clientId);
  }

  #terms(wish: FreshnessWish, path: TokenPath): FreshnessWish & { maxAge: number } {
    const maxAge = path === 'sdk' ? this.options.sdkTokenMaxAgeS : (this.options.tokenMaxAgeS ?? Infinity);
    return { maxAge, minFresh: wish.minFresh, forceRefresh: wish.forceRefresh };
  }

  async #obtain(credentials: ClientCredentials, options: PostAccessTokenOptions): Promise<TokenAnswer> {
    const { minFresh = 0, forceRefresh = false, scope, signal } = options;
    validateTokenRequest(credentials, scope);
    signal?.throwIfAborted();
    const request = { credentials, scope, clientAddress: undefined };
    const answer = this.authority.obtain(request, this.#terms({ minFresh, forceRefresh }, 'published'));
    return abortable(Promise.resolve(answer), signal);
  }
}
