import { type AuthorityEvent, type AuthorityObserver } from '../authority-observer.js';
import { type AuthorizationServerClient } from '../authorization-server/authorization-server.client.js';
import { type IssuedToken } from '../authorization-server/issued-token.js';
import { type TokenRequest } from '../client-credentials/client-credentials.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { type CacheKeys } from './cache-keys.js';
import { type CredentialHolds, type HeldRequest, isAboutRequest, isRefusal } from './credential-holds.js';
import { type SharedFlight, type SharedStore } from '../shared-store/shared-store.js';
import { type SharedToken } from '../shared-store/shared-token.js';
import { type Offer } from '../shared-store/shared-tokens.js';
import { GuessingSlowed, type GuessLimits, network } from './guess-limits.js';
import { answerWith, type TokenAnswer } from './token-answer.js';
import { type FetchToken, type ReuseTerms, type TokenCache } from './token-cache.js';

/** A token request, however it came. */
export type AuthorityRequest = Pick<TokenRequest, 'credentials' | 'scope' | 'clientAddress'>;

/** A token request, and what stands for it. */
interface KeyedRequest extends AuthorityRequest, HeldRequest {}

/** What a token authority works with. */
export interface TokenAuthorityParts {
  readonly keys: CacheKeys;
  /** Absent: every request is forwarded. */
  readonly cache: TokenCache | undefined;
  readonly holds: CredentialHolds;
  readonly guessLimits: GuessLimits;
  /** Absent: nothing is shared with other instances. */
  readonly shared?: SharedStore | undefined;
  readonly authorizationServer: AuthorizationServerClient;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly observe: AuthorityObserver;
}

/** What is kept in memory at the moment. */
export interface AuthorityNumbers {
  readonly keptTokens: number;
  /** Credential pairs, and requests of one, that are on hold. */
  readonly heldCredentials: number;
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
    const keyed = this.#keyed(request, key);
    const answer = await (cache === undefined ? this.#forward(keyed) : this.#fetch(cache, keyed, terms));
    observe({ type: 'token_served', source: answer.source });
    return answer;
  }

  #forward(request: KeyedRequest): Promise<TokenAnswer> {
    this.#checkGuessing(request);
    return this.#send(request, this.#deadline(), undefined).then((token) => answerWith(token, token.text, 'fetched'));
  }

  async #fetch(cache: TokenCache, request: KeyedRequest, terms: ReuseTerms): Promise<TokenAnswer> {
    try {
      this.#checkGuessing(request);
    } catch (slowed) {
      // A token that is kept is served even to a slowed address, wherever it is kept.
      const adopted = await this.#adopt(cache, request, terms);
      if (adopted === undefined) throw slowed;
      return adopted;
    }
    try {
      return await cache.obtain(request.key, terms, this.#fetchFor(request));
    } catch (error) {
      if (!(error instanceof GuessingSlowed)) throw error;
      // Another client began the flight, and was slowed: that is nothing to this one, unless it is slowed itself.
      return this.#fetch(cache, request, terms);
    }
  }

  async #adopt(cache: TokenCache, request: KeyedRequest, terms: ReuseTerms): Promise<TokenAnswer | undefined> {
    const flight = this.parts.shared?.open(request, this.#deadline());
    return flight && cache.adopt(request.key, terms, (offer) => flight.tokens.find(offer));
  }

  /**
   * The kept token, when there is one on these terms; it never waits. A token is kept under no other key than that of a
   * request that was valid, so the request need not be checked again.
   */
  reuse(request: AuthorityRequest, terms: ReuseTerms): TokenAnswer | undefined {
    if (this.parts.cache === undefined) return undefined;
    return this.#reuse(this.parts.keys.token(request.credentials, request.scope), request, terms);
  }

  #reuse(key: string, request: AuthorityRequest, terms: ReuseTerms): TokenAnswer | undefined {
    const answer = this.parts.cache?.reuse(key, terms, (offer) => this.#fetchFor(this.#keyed(request, key))(offer));
    if (answer !== undefined) this.parts.observe(TOKEN_REUSED);
    return answer;
  }

  /** What stands for a client id in events. */
  fingerprint(clientId: string): string {
    return this.parts.keys.fingerprint(clientId);
  }

  get numbers(): AuthorityNumbers {
    return { keptTokens: this.parts.cache?.entries ?? 0, heldCredentials: this.parts.holds.held };
  }

  /** Drops exactly this token, and no newer one. */
  invalidate(accessToken: string): void {
    this.parts.cache?.drop(accessToken);
  }

  #keyed({ credentials, scope, clientAddress }: AuthorityRequest, key: string): KeyedRequest {
    const { keys } = this.parts;
    const pair = scope === undefined ? keys.pairOf(key) : keys.pair(credentials);
    return { credentials, scope, clientAddress, key, pair, client: keys.fingerprint(credentials.clientId) };
  }

  #checkGuessing({ clientAddress, client }: KeyedRequest): void {
    if (clientAddress !== undefined) this.parts.guessLimits.check(clientAddress, client);
  }

  #deadline(): number {
    return this.parts.clock() + this.parts.timeoutMs;
  }

  /** Nothing of the request is kept beyond the flight. */
  #fetchFor(request: KeyedRequest): FetchToken {
    return (offer) => {
      const deadline = this.#deadline();
      const flight = this.parts.shared?.open(request, deadline);
      return flight === undefined
        ? this.#send(request, deadline, undefined)
        : this.#findOrSend(request, deadline, flight, offer);
    };
  }

  async #findOrSend(
    request: KeyedRequest,
    deadline: number,
    flight: SharedFlight,
    offer: Offer,
  ): Promise<IssuedToken | SharedToken> {
    const send = async () => {
      await this.#learnGuesses(request, flight);
      return this.#send(request, deadline, flight);
    };
    // Nothing will be sent, and so there is nothing that the other instances would have to wait for.
    if (this.parts.holds.isHeld(request)) return (await flight.tokens.find(offer)) ?? send();
    return flight.tokens.obtain(offer, send, deadline);
  }

  /** @throws GuessingSlowed when the client was past a limit already, counting what it did at other instances. */
  async #learnGuesses(request: KeyedRequest, flight: SharedFlight): Promise<void> {
    const { clientAddress, client } = request;
    if (clientAddress === undefined) return;
    const counts = await flight.readGuesses(network(clientAddress));
    if (counts === undefined) return;
    this.parts.guessLimits.adopt(clientAddress, client, counts);
    this.#checkGuessing(request);
  }

  #send(request: KeyedRequest, deadline: number, flight: SharedFlight | undefined): Promise<IssuedToken> {
    return this.parts.holds.forward(request, () => this.#requestToken(request, deadline, flight), flight?.forward);
  }

  async #requestToken(
    { credentials, scope, clientAddress, client }: KeyedRequest,
    deadline: number,
    flight: SharedFlight | undefined,
  ): Promise<IssuedToken> {
    try {
      return await this.parts.authorizationServer.requestToken({ credentials, scope, client }, deadline);
    } catch (error) {
      if (clientAddress !== undefined && error instanceof OAuthError && isRefusal(error) && !isAboutRequest(error)) {
        this.parts.guessLimits.count(clientAddress, client);
        flight?.countGuess(network(clientAddress));
      }
      throw error;
    }
  }
}
