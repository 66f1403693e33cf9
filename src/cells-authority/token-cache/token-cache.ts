import { LRUCache } from 'lru-cache';
import { type AuthorityObserver } from '../authority-observer.js';
import { type IssuedToken } from '../authorization-server/issued-token.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { SharedToken } from '../shared-store/shared-token.js';
import { type Offer } from '../shared-store/shared-tokens.js';
import { KeptToken } from './kept-token.js';
import { answerWith, type TokenAnswer } from './token-answer.js';

/** What a client may demand of a token that is reused. */
export interface ReuseTerms {
  /** Seconds since its issue within which a token may be reused. */
  readonly maxAge: number;
  /** Seconds of life that it must have left. */
  readonly minFresh: number;
  /** Fetch a new one, whatever is kept. */
  readonly forceRefresh: boolean;
}

/**
 * Gets a new token, or one that another instance fetched and that the offer says will do; throws an {@link OAuthError}
 * when there is none to be had.
 */
export type FetchToken = (offer: Offer) => Promise<IssuedToken | SharedToken>;

/** Whether a token will do, however it was come by. */
type Judge = (kept: KeptToken) => boolean;

/** What a flight brought. */
interface Landed {
  readonly token: IssuedToken;
  /** Present when the token is another instance's, and so not as new as can be. */
  readonly found: KeptToken | undefined;
}

/** What a cache is made of. */
export interface TokenCacheSettings {
  readonly maxEntries: number;
  readonly clock: Clock;
  /** 0 inclusive to 1 exclusive; spreads refreshes in time. */
  readonly random: () => number;
  readonly observe: AuthorityObserver;
}

/** Bytes of token responses kept: what 10,000 entries of 64 KiB would come to is no bound. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_DROPPED = 1000;
const MAX_REMOVED_AT_ONCE = 4;

/**
 * Reuse: one upstream request where there used to be thousands. Finds kept tokens, lets concurrent requests of one key
 * share one flight, renews tokens ahead of their expiry, and falls back to a token that is still valid when no new one
 * can be had.
 */
export class TokenCache {
  readonly #kept: LRUCache<string, KeptToken>;
  readonly #flights = new Map<string, Promise<Landed>>();
  /** Tokens somebody found to be bad; a flight that was under way must not bring one of them back. */
  readonly #dropped = new LRUCache<string, true>({ max: MAX_DROPPED });

  constructor(private readonly settings: TokenCacheSettings) {
    this.#kept = new LRUCache({
      max: settings.maxEntries,
      maxSize: MAX_BYTES,
      sizeCalculation: (kept) => kept.token.size,
      dispose: (_kept, _key, reason) => {
        if (reason === 'evict') settings.observe({ type: 'evicted' });
      },
    });
  }

  /** Tokens kept at the moment; for metrics. */
  get entries(): number {
    return this.#kept.size;
  }

  /** The kept token on these terms, without waiting for anything; starts a renewal when it is due. */
  reuse(key: string, terms: ReuseTerms, fetch: FetchToken): TokenAnswer | undefined {
    if (terms.forceRefresh) return undefined;
    const kept = this.#kept.get(key);
    const now = this.settings.clock();
    if (kept?.isReusable(now, terms.maxAge, terms.minFresh) !== true) return undefined;
    if (kept.wantsRefresh(now)) this.#refreshInBackground(key, kept, fetch);
    return kept.answerAt(now);
  }

  /**
   * The kept token on these terms, or else a new one.
   *
   * @throws OAuthError when no token can be had and none that is still valid is kept.
   */
  async obtain(key: string, terms: ReuseTerms, fetch: FetchToken): Promise<TokenAnswer> {
    return this.reuse(key, terms, fetch) ?? (await this.#fetchOrJoin(key, fetch, this.#judgeBy(terms)));
  }

  /** The token that another instance fetched, if it will do; nothing is fetched. */
  async adopt(
    key: string,
    terms: ReuseTerms,
    find: (offer: Offer) => Promise<SharedToken | undefined>,
  ): Promise<TokenAnswer | undefined> {
    const shared = await find(this.#offer(key, this.#judgeBy(terms)));
    const found = shared && this.#keep(key, shared.token, shared);
    return found && this.#answerFound(found);
  }

  async #fetchOrJoin(key: string, fetch: FetchToken, judge: Judge): Promise<TokenAnswer> {
    const underWay = this.#flights.get(key);
    try {
      const { token, found } = await (underWay ?? this.#takeOff(key, fetch, judge));
      if (found === undefined)
        return answerWith(token, token.text, underWay === undefined ? 'fetched' : 'shared_flight');
      // Whoever began the flight may have asked for less than this one.
      if (underWay !== undefined && !judge(found)) return await this.#fetchOrJoin(key, fetch, judge);
      return this.#answerFound(found);
    } catch (error) {
      const fallback = isUnavailability(error) ? this.#stillValid(key) : undefined;
      if (fallback === undefined) throw error;
      return fallback;
    }
  }

  /** Drops exactly this token, and no newer one. */
  drop(accessToken: string): void {
    this.#dropped.set(accessToken, true);
    for (const [key, kept] of this.#kept.entries()) {
      if (kept.token.accessToken !== accessToken) continue;
      this.#kept.delete(key);
      kept.shared?.forget();
    }
  }

  #judgeBy({ maxAge, minFresh, forceRefresh }: ReuseTerms): Judge {
    const { clock } = this.settings;
    const askedAt = clock();
    return (kept) => kept.isReusable(clock(), maxAge, minFresh) && (!forceRefresh || kept.issuedAt >= askedAt);
  }

  /** What is found is kept even when it will not do: it is what to fall back to. */
  #offer(key: string, judge: Judge): Offer {
    return (shared) => {
      const found = this.#keep(key, shared.token, shared);
      return found !== undefined && judge(found);
    };
  }

  #answerFound(found: KeptToken): TokenAnswer {
    return { ...found.answerAt(this.settings.clock()), source: 'shared_store' };
  }

  /** One flight a key at a time: a slower, older fetch cannot overwrite a newer token, for there is no other. */
  #takeOff(key: string, fetch: FetchToken, judge: Judge): Promise<Landed> {
    const flight = this.#fly(key, fetch, judge);
    this.#flights.set(key, flight);
    return flight;
  }

  async #fly(key: string, fetch: FetchToken, judge: Judge): Promise<Landed> {
    try {
      const fetched = await fetch(this.#offer(key, judge));
      const shared = fetched instanceof SharedToken ? fetched : undefined;
      const token = fetched instanceof SharedToken ? fetched.token : fetched;
      const kept = this.#keep(key, token, shared);
      return { token, found: shared?.foundThere === true ? kept : undefined };
    } finally {
      this.#flights.delete(key);
    }
  }

  /** A new token replaces the kept one; a token that was found does so when it lives longer. */
  #keep(key: string, token: IssuedToken, shared: SharedToken | undefined): KeptToken | undefined {
    if (token.lifetime === undefined) return undefined;
    if (this.#dropped.has(token.accessToken)) {
      shared?.forget();
      return undefined;
    }
    const { clock, random } = this.settings;
    const now = clock();
    const kept = this.#kept.peek(key);
    if (shared?.foundThere === true && kept?.token.accessToken === token.accessToken) return kept;
    const added = new KeptToken(token, token.lifetime, now - (shared?.ageMs ?? 0), random, shared);
    if (shared?.foundThere === true && kept !== undefined && kept.expiresAt >= added.expiresAt) return added;
    this.#removeExpired(now);
    this.#kept.set(key, added);
    return added;
  }

  /** Whatever is added takes the longest unused with it if those have expired: nothing has to walk the whole cache. */
  #removeExpired(now: number): void {
    for (let removed = 0; removed < MAX_REMOVED_AT_ONCE; removed += 1) {
      const oldest = this.#kept.rkeys().next();
      if (oldest.done === true) return;
      const kept = this.#kept.peek(oldest.value);
      if (kept !== undefined && kept.expiresAt > now) return;
      this.#kept.delete(oldest.value);
    }
  }

  #refreshInBackground(key: string, kept: KeptToken, fetch: FetchToken): void {
    if (this.#flights.has(key)) return;
    const { clock, random, observe } = this.settings;
    const isNewer: Judge = (found) => found.expiresAt > kept.expiresAt && !found.wantsRefresh(clock());
    this.#takeOff(key, fetch, isNewer).then(
      () => {
        observe({ type: 'refresh', outcome: 'renewed' });
      },
      () => {
        kept.refreshFailed(clock(), random);
        observe({ type: 'refresh', outcome: 'failed' });
      },
    );
  }

  #stillValid(key: string): TokenAnswer | undefined {
    const now = this.settings.clock();
    const kept = this.#kept.get(key);
    return kept === undefined || kept.remaining(now) < 1 ? undefined : { ...kept.answerAt(now), source: 'fallback' };
  }
}

/** Nobody said that the credentials are wrong: there is just nobody to ask. */
function isUnavailability(error: unknown): boolean {
  return error instanceof OAuthError && (error.status >= 500 || error.status === 429);
}
