import { Inject, Injectable } from '@nestjs/common';
import { type AuthorityEvent, type AuthorityObserver } from '../authority-observer.js';
import { AuthorizationServerClient } from '../authorization-server/authorization-server.client.js';
import { type IssuedToken } from '../authorization-server/issued-token.js';
import { AUTHORITY_OPTIONS, type AuthorityOptions } from '../cells-authority.options.js';
import { type TokenRequest } from '../client-credentials/client-credentials.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { AUTHORITY_CLOCK, AUTHORITY_OBSERVER, SHARED_STORE } from '../injection-tokens.js';
import { type SharedFlight, type SharedStore } from '../shared-store/shared-store.js';
import { type SharedToken } from '../shared-store/shared-token.js';
import { type AcceptToken } from '../shared-store/shared-tokens.js';
import { CacheKeys } from './cache-keys.js';
import { CredentialHolds, type HeldRequest, isAboutRequest, isRefusal } from './credential-holds.js';
import { type Guesser, guesserAt, GuessingSlowed, GuessLimits } from './guess-limits.js';
import { answerWith, type TokenAnswer } from './kept-token.js';
import { type CacheEntry, type ReuseTerms, TokenCache } from './token-cache.js';

/** A token request, over HTTP or from the application. */
export type AuthorityRequest = Pick<TokenRequest, 'credentials' | 'scope' | 'clientAddress'>;

/** A token request with its keys. */
interface KeyedRequest extends AuthorityRequest, HeldRequest {
  /** `undefined` for the application's own requests, which nobody guesses. */
  readonly guesser: Guesser | undefined;
}

/** What the authorization server said about a request's credentials. */
interface Verdict {
  refused: boolean;
}

/** Numbers for metrics, as they are at the moment. */
export interface AuthorityNumbers {
  readonly keptTokens: number;
  readonly keptBytes: number;
  /** Credential pairs and single requests on hold. */
  readonly heldCredentials: number;
  /** Requests waiting for a connection to the authorization server. */
  readonly waitingRequests: number;
  /** Whether the store that instances share is used, or why it is not; `undefined` when there is none. */
  readonly sharedStore: SharedStore['state'] | undefined;
}

const TOKEN_REUSED: AuthorityEvent = { type: 'token_served', source: 'kept' };

/** The path of every token request: reuse, guess limits, single flight, holds, authorization server. */
@Injectable()
export class TokenAuthority {
  /** `undefined`: every request is forwarded. */
  readonly #cache: TokenCache | undefined;

  constructor(
    @Inject(AUTHORITY_OPTIONS) private readonly options: AuthorityOptions,
    private readonly keys: CacheKeys,
    cache: TokenCache,
    private readonly holds: CredentialHolds,
    private readonly guessLimits: GuessLimits,
    @Inject(SHARED_STORE) private readonly shared: SharedStore | undefined,
    private readonly authorizationServer: AuthorizationServerClient,
    @Inject(AUTHORITY_CLOCK) private readonly clock: Clock,
    @Inject(AUTHORITY_OBSERVER) private readonly observe: AuthorityObserver,
  ) {
    this.#cache = options.tokenCache === 'off' ? undefined : cache;
  }

  /**
   * A token on these terms: returned at once when one is kept, as a promise otherwise.
   *
   * @throws OAuthError by rejecting the promise, when no token can be had.
   */
  obtain(request: AuthorityRequest, terms: ReuseTerms): TokenAnswer | Promise<TokenAnswer> {
    const key = this.keys.token(request.credentials, request.scope);
    const kept = this.#cache?.reuse(key, terms, (accept) => this.#fetchToken(this.#keyed(request, key), accept));
    if (kept !== undefined) {
      this.observe(TOKEN_REUSED);
      return kept;
    }
    return this.#forwardOrShare(this.#keyed(request, key), terms);
  }

  async #forwardOrShare(request: KeyedRequest, terms: ReuseTerms): Promise<TokenAnswer> {
    const answer = await (this.#cache === undefined
      ? this.#forward(request)
      : this.#fetch(this.#cache, request, terms));
    this.observe({ type: 'token_served', source: answer.source });
    return answer;
  }

  async #forward(request: KeyedRequest): Promise<TokenAnswer> {
    this.#checkGuessing(request);
    const token = await this.#send(request, this.#deadline(), undefined);
    return answerWith(token, token.text, 'fetched');
  }

  async #fetch(cache: TokenCache, request: KeyedRequest, terms: ReuseTerms): Promise<TokenAnswer> {
    for (;;) {
      try {
        this.#checkGuessing(request);
      } catch (slowed) {
        // A slowed address still gets a token that is kept, here or in the shared store, even if it wants a newer one.
        const kept = (await this.#adopt(cache, request, terms)) ?? cache.stillValid(request.key);
        if (kept === undefined) throw slowed;
        return kept;
      }
      try {
        return await cache.fetch(entryFor(request), terms, (accept) => this.#fetchToken(request, accept));
      } catch (error) {
        if (!(error instanceof GuessingSlowed)) throw error;
        // The flight belonged to another client that was slowed; this one only fails if it is slowed itself.
      }
    }
  }

  async #adopt(cache: TokenCache, request: KeyedRequest, terms: ReuseTerms): Promise<TokenAnswer | undefined> {
    const flight = this.shared?.open(request, this.#deadline());
    return flight && cache.adopt(entryFor(request), terms, (accept) => flight.tokens.find(accept));
  }

  /** Identifies a client in events without showing its id. */
  fingerprint(clientId: string): string {
    return this.keys.fingerprint(clientId);
  }

  get numbers(): AuthorityNumbers {
    return {
      keptTokens: this.#cache?.entries ?? 0,
      keptBytes: this.#cache?.bytes ?? 0,
      heldCredentials: this.holds.held,
      waitingRequests: this.authorizationServer.waiting,
      sharedStore: this.shared?.state,
    };
  }

  /**
   * Drops exactly this token, and no newer one; `false` when it is not kept here. It is dropped from the shared store,
   * too, whichever instance put it there.
   */
  invalidate(accessToken: string): boolean {
    if (this.#cache?.drop(accessToken) === true) return true;
    this.shared?.forget(accessToken);
    return false;
  }

  #keyed({ credentials, scope, clientAddress }: AuthorityRequest, key: string): KeyedRequest {
    const pair = scope === undefined ? this.keys.pairOf(key) : this.keys.pair(credentials);
    const client = this.keys.fingerprint(credentials.clientId);
    const guesser = clientAddress === undefined ? undefined : guesserAt(clientAddress, client);
    return { credentials, scope, clientAddress, key, pair, client, guesser };
  }

  #checkGuessing({ guesser }: KeyedRequest): void {
    if (guesser !== undefined) this.guessLimits.check(guesser);
  }

  #deadline(): number {
    return this.clock() + this.options.upstreamTimeoutMs;
  }

  #fetchToken(request: KeyedRequest, accept: AcceptToken): Promise<IssuedToken | SharedToken> {
    const deadline = this.#deadline();
    const flight = this.shared?.open(request, deadline);
    return flight === undefined
      ? this.#send(request, deadline, undefined)
      : this.#findOrSend(request, deadline, flight, accept);
  }

  async #findOrSend(
    request: KeyedRequest,
    deadline: number,
    flight: SharedFlight,
    accept: AcceptToken,
  ): Promise<IssuedToken | SharedToken> {
    const send = () => this.#send(request, deadline, flight);
    // Nothing will be sent, so the other instances need not wait.
    if (this.holds.isHeld(request)) return (await flight.tokens.find(accept)) ?? send();
    return flight.tokens.obtain(accept, send, deadline);
  }

  /** Forwards the request. Over HTTP it counts as a guess until it turns out to be right. */
  async #send(request: KeyedRequest, deadline: number, flight: SharedFlight | undefined): Promise<IssuedToken> {
    const { guesser } = request;
    const verdict = { refused: false };
    const forward = () =>
      this.holds.forward(request, () => this.#requestToken(request, deadline, verdict), flight?.forward);
    // A hold answers without a request.
    if (guesser === undefined || this.holds.isHeld(request)) return forward();
    const guess = await this.guessLimits.reserve(guesser, deadline);
    try {
      await this.#learnGuesses(guesser, flight);
      return await forward();
    } finally {
      guess.end(verdict.refused);
      if (verdict.refused) flight?.countGuess(guesser.subjects);
    }
  }

  /** @throws GuessingSlowed when the client is past a limit, its refusals on other instances included. */
  async #learnGuesses(guesser: Guesser, flight: SharedFlight | undefined): Promise<void> {
    const counts = await flight?.readGuesses(guesser.subjects);
    if (counts === undefined) return;
    this.guessLimits.adopt(guesser, counts);
    this.guessLimits.check(guesser);
  }

  async #requestToken(request: KeyedRequest, deadline: number, verdict: Verdict): Promise<IssuedToken> {
    const { credentials, scope, client, pair, guesser } = request;
    const origin = guesser?.network ?? 'application';
    try {
      return await this.authorizationServer.requestToken({ credentials, scope, client, pair, origin }, deadline);
    } catch (error) {
      verdict.refused = error instanceof OAuthError && isRefusal(error) && !isAboutRequest(error);
      throw error;
    }
  }
}

function entryFor({ key, pair, scope }: KeyedRequest): CacheEntry {
  return { key, pair: scope === undefined ? undefined : pair };
}
