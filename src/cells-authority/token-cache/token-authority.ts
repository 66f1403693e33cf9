import { type AuthorityEvent, type AuthorityObserver } from '../authority-observer.js';
import { type AuthorizationServerClient } from '../authorization-server/authorization-server.client.js';
import { type IssuedToken } from '../authorization-server/issued-token.js';
import { type TokenRequest } from '../client-credentials/client-credentials.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { type CacheKeys } from './cache-keys.js';
import { type CredentialHolds, isAboutRequest, isRefusal } from './credential-holds.js';
import { type GuessLimits } from './guess-limits.js';
import { answerWith, type TokenAnswer } from './token-answer.js';
import { type FetchToken, type ReuseTerms, type TokenCache } from './token-cache.js';

/** A token request, however it came. */
export type AuthorityRequest = Pick<TokenRequest, 'credentials' | 'scope' | 'clientAddress'>;

/** What a token authority works with. */
export interface TokenAuthorityParts {
  readonly keys: CacheKeys;
  /** Absent: every request is forwarded. */
  readonly cache: TokenCache | undefined;
  readonly holds: CredentialHolds;
  readonly guessLimits: GuessLimits;
  readonly authorizationServer: AuthorizationServerClient;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly observe: AuthorityObserver;
}

const TOKEN_REUSED: AuthorityEvent = { type: 'token_served', source: 'kept' };

/** The way of every token request: reuse, guess limits, single flight, holds, authorization server. */
export class TokenAuthority {
  constructor(private readonly parts: TokenAuthorityParts) {}

  /** @throws OAuthError when no token can be had. */
  async obtain(request: AuthorityRequest, terms: ReuseTerms): Promise<TokenAnswer> {
    const { keys, cache, observe } = this.parts;
    const key = keys.token(request.credentials, request.scope);
    const reused = this.#reuse(key, request, terms);
    if (reused !== undefined) return reused;
    this.#checkGuessing(request);
    const fetch = this.#fetchFor(request, key);
    const answer = cache === undefined ? await fetched(fetch) : await cache.obtain(key, terms, fetch);
    observe({ type: 'token_served', source: answer.source });
    return answer;
  }

  /**
   * The kept token, when there is one on these terms; it never waits. A token is kept under no other key than that of a
   * request that was valid, so the request need not be checked again.
   */
  reuse(request: AuthorityRequest, terms: ReuseTerms): TokenAnswer | undefined {
    return this.#reuse(this.parts.keys.token(request.credentials, request.scope), request, terms);
  }

  #reuse(key: string, request: AuthorityRequest, terms: ReuseTerms): TokenAnswer | undefined {
    const answer = this.parts.cache?.reuse(key, terms, () => this.#fetchFor(request, key)());
    if (answer !== undefined) this.parts.observe(TOKEN_REUSED);
    return answer;
  }

  /** Drops exactly this token, and no newer one. */
  invalidate(accessToken: string): void {
    this.parts.cache?.drop(accessToken);
  }

  #checkGuessing({ clientAddress, credentials }: AuthorityRequest): void {
    if (clientAddress === undefined) return;
    this.parts.guessLimits.check(clientAddress, this.parts.keys.fingerprint(credentials.clientId));
  }

  /** Nothing of the request is kept beyond the flight. */
  #fetchFor(request: AuthorityRequest, key: string): FetchToken {
    const { keys, holds, clock, timeoutMs } = this.parts;
    return () => {
      const deadline = clock() + timeoutMs;
      const client = keys.fingerprint(request.credentials.clientId);
      const pair = keys.pair(request.credentials);
      return holds.forward({ pair, key, client }, () => this.#send(request, client, deadline));
    };
  }

  async #send(request: AuthorityRequest, client: string, deadline: number): Promise<IssuedToken> {
    const { credentials, scope, clientAddress } = request;
    try {
      return await this.parts.authorizationServer.requestToken({ credentials, scope, client }, deadline);
    } catch (error) {
      if (clientAddress !== undefined && error instanceof OAuthError && isRefusal(error) && !isAboutRequest(error)) {
        this.parts.guessLimits.count(clientAddress, client);
      }
      throw error;
    }
  }
}

async function fetched(fetch: FetchToken): Promise<TokenAnswer> {
  const token = await fetch();
  return answerWith(token, token.text, 'fetched');
}
