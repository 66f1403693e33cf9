import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type AuthorityObserver } from '../authority-observer.js';
import { type IssuedToken } from '../authorization-server/issued-token.js';
import { AUTHORITY_OPTIONS, type AuthorityOptions } from '../cells-authority.options.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { AUTHORITY_OBSERVER, RANDOM, TOKEN_CLOCK } from '../injection-tokens.js';
import { SharedToken } from '../shared-store/shared-token.js';
import { type AcceptToken } from '../shared-store/shared-tokens.js';
import { type Demand, KeptToken } from './kept-token.js';
import { PairShares } from './pair-shares.js';
import { answerWith, type TokenAnswer } from './kept-token.js';

/** What a client demands of a token before it is reused. */
export interface ReuseTerms extends Demand {
  /** Seconds after its issue for which a token may be reused. */
  readonly maxAge: number;
}

/**
 * Gets a new token, or one from another instance that is accepted; throws an {@link OAuthError} when none can be had.
 */
export type FetchToken = (accept: AcceptToken) => Promise<IssuedToken | SharedToken>;

/** From 0 up to but not including 1; spreads renewals over time. */
type Random = () => number;

export interface CacheEntry {
  readonly key: string;
  /** Key of the credential pair, if it may have several entries because its requests name scopes. */
  readonly pair: string | undefined;
}

/** Whether a token will do, wherever it came from. */
type Judge = (kept: KeptToken) => boolean;

/** The outcome of a flight. */
interface Landed {
  readonly token: IssuedToken;
  /** Set when another instance fetched the token, which may then be some time old. */
  readonly found: KeptToken | undefined;
}

/** Bytes of kept tokens. An entry limit alone would allow 10,000 entries of 64 KiB: 640 MB. */
const MAX_BYTES = 64 * 1024 * 1024;
/** The part of the cache that one pair may fill with its scopes, in entries and in bytes. */
const SHARE_OF_PAIR = 1 / 10;
/** Entries; a small cache is not worth dividing. */
const SMALLEST_SHARE = 10;
const MAX_DROPPED = 1000;
/** A background renewal: no client asked for it. */
const NO_DEMAND: Demand = { minFresh: 0, forceRefresh: false };
const MAX_REMOVED_AT_ONCE = 4;

/**
 * Reuse: one upstream request instead of thousands. Finds kept tokens, lets concurrent requests for the same key share
 * one flight, renews tokens before they expire, and falls back to a still valid token when no new one can be had.
 */
@Injectable()
export class TokenCache {
  readonly #kept: LRUCache<string, KeptToken>;
  /** The keys that a token is kept under, by the token's digest. */
  readonly #keysOfToken = new Map<string, readonly string[]>();
  readonly #shares: PairShares;
  readonly #flights = new Map<string, Promise<Landed>>();
  /** Digests of tokens that turned out to be bad. A flight already under way must not bring one of them back. */
  readonly #dropped = new LRUCache<string, true>({ max: MAX_DROPPED });

  constructor(
    @Inject(AUTHORITY_OPTIONS) { tokenCacheMaxEntries }: Pick<AuthorityOptions, 'tokenCacheMaxEntries'>,
    @Inject(TOKEN_CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
    @Inject(AUTHORITY_OBSERVER) private readonly observe: AuthorityObserver,
  ) {
    this.#kept = new LRUCache({
      max: tokenCacheMaxEntries,
      maxSize: MAX_BYTES,
      sizeCalculation: (kept) => kept.size,
      dispose: ({ origin, token }, key, reason) => {
        this.#unlist(digest(token.accessToken), key);
        if (origin.pair !== undefined) this.#shares.remove(origin.pair, key);
        if (reason === 'evict') observe({ type: 'evicted' });
      },
    });
    this.#shares = new PairShares(
      Math.max(SMALLEST_SHARE, tokenCacheMaxEntries * SHARE_OF_PAIR),
      MAX_BYTES * SHARE_OF_PAIR,
    );
  }

  /** Tokens kept at the moment; for metrics. */
  get entries(): number {
    return this.#kept.size;
  }

  /** Approximate bytes they take; for metrics. */
  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  /** The kept token if it meets these terms, without waiting. Starts a renewal when one is due. */
  reuse(key: string, terms: ReuseTerms, fetch: FetchToken): TokenAnswer | undefined {
    const kept = this.#kept.get(key);
    const now = this.clock();
    if (kept?.isReusable(now, terms.maxAge, terms.minFresh) !== true) return undefined;
    if (terms.forceRefresh && !kept.isNewEnough(now)) return undefined;
    if (kept.wantsRefresh(now)) this.#refreshInBackground({ key, pair: kept.origin.pair }, kept, fetch);
    return kept.answerAt(now);
  }

  /**
   * A new token on these terms, when {@link reuse} had none.
   *
   * @throws OAuthError when no token can be had and no kept one is still valid.
   */
  fetch(entry: CacheEntry, terms: ReuseTerms, fetch: FetchToken): Promise<TokenAnswer> {
    return this.#fetchOrJoin(entry, fetch, this.#judgeBy(terms), terms);
  }

  /** A token from the shared store, if it will do; nothing is fetched. */
  async adopt(
    entry: CacheEntry,
    terms: ReuseTerms,
    find: (accept: AcceptToken) => Promise<SharedToken | undefined>,
  ): Promise<TokenAnswer | undefined> {
    const shared = await find(this.#keepAndJudge(entry, this.#judgeBy(terms)));
    const found = shared && this.#keep(entry, shared.token, shared);
    return found && this.#answerFound(found);
  }

  async #fetchOrJoin(entry: CacheEntry, fetch: FetchToken, judge: Judge, demand: Demand): Promise<TokenAnswer> {
    const underWay = this.#flights.get(entry.key);
    try {
      const { token, found } = await (underWay ?? this.#takeOff(entry, fetch, judge, demand));
      if (found === undefined)
        return answerWith(token, token.text, underWay === undefined ? 'fetched' : 'shared_flight');
      // The request that began the flight may have demanded less than this one.
      if (underWay !== undefined && !judge(found)) return await this.#fetchOrJoin(entry, fetch, judge, demand);
      return this.#answerFound(found);
    } catch (error) {
      const fallback = isUnavailability(error) ? this.stillValid(entry.key) : undefined;
      if (fallback === undefined) throw error;
      return fallback;
    }
  }

  /** Drops exactly this token, and no newer one. Does nothing and returns `false` when it is not kept here. */
  drop(accessToken: string): boolean {
    const token = digest(accessToken);
    const keys = this.#keysOfToken.get(token);
    if (keys === undefined) return false;
    this.#dropped.set(token, true);
    for (const key of keys) {
      this.#kept.peek(key)?.origin.shared?.forget();
      this.#kept.delete(key);
    }
    return true;
  }

  #list(token: string, key: string): void {
    this.#keysOfToken.set(token, [...(this.#keysOfToken.get(token) ?? []), key]);
  }

  #unlist(token: string, key: string): void {
    const others = this.#keysOfToken.get(token)?.filter((each) => each !== key) ?? [];
    if (others.length === 0) this.#keysOfToken.delete(token);
    else this.#keysOfToken.set(token, others);
  }

  #judgeBy({ maxAge, minFresh, forceRefresh }: ReuseTerms): Judge {
    const askedAt = this.clock();
    return (kept) => kept.isReusable(this.clock(), maxAge, minFresh) && (!forceRefresh || kept.issuedAt >= askedAt);
  }

  /** A found token is kept even if it will not do: it may serve as a fallback. */
  #keepAndJudge(entry: CacheEntry, judge: Judge): AcceptToken {
    return (shared) => {
      const found = this.#keep(entry, shared.token, shared);
      return found !== undefined && judge(found);
    };
  }

  #answerFound(found: KeptToken): TokenAnswer {
    return { ...found.answerAt(this.clock()), source: 'shared_store' };
  }

  /** One flight per key at a time, so a slower, older fetch can never overwrite a newer token. */
  #takeOff(entry: CacheEntry, fetch: FetchToken, judge: Judge, demand: Demand): Promise<Landed> {
    const flight = this.#fly(entry, fetch, judge, demand);
    this.#flights.set(entry.key, flight);
    return flight;
  }

  async #fly(entry: CacheEntry, fetch: FetchToken, judge: Judge, demand: Demand): Promise<Landed> {
    try {
      const fetched = await fetch(this.#keepAndJudge(entry, judge));
      const shared = fetched instanceof SharedToken ? fetched : undefined;
      const token = fetched instanceof SharedToken ? fetched.token : fetched;
      const kept = this.#keep(entry, token, shared, demand);
      return { token, found: shared?.foundThere === true ? kept : undefined };
    } finally {
      this.#flights.delete(entry.key);
    }
  }

  /** A new token replaces the kept one; a found one only if it lives longer. */
  #keep(
    { key, pair }: CacheEntry,
    token: IssuedToken,
    shared: SharedToken | undefined,
    demand: Demand = NO_DEMAND,
  ): KeptToken | undefined {
    if (token.lifetime === undefined) return undefined;
    if (this.#dropped.size > 0 && this.#dropped.has(digest(token.accessToken))) {
      shared?.forget();
      return undefined;
    }
    const now = this.clock();
    const kept = this.#kept.peek(key);
    if (shared?.foundThere === true && kept?.token.accessToken === token.accessToken) return kept;
    const origin = { shared, pair, demand };
    const added = new KeptToken(token, token.lifetime, now - (shared?.ageMs ?? 0), this.random, origin);
    if (shared?.foundThere === true && kept !== undefined && kept.expiresAt >= added.expiresAt) return added;
    this.#removeExpired(now);
    this.#kept.set(key, added);
    if (this.#kept.peek(key) === added) this.#list(digest(token.accessToken), key);
    if (pair !== undefined) this.#keepToShare(pair, key, added.size);
    return added;
  }

  #keepToShare(pair: string, key: string, bytes: number): void {
    for (const surplus of this.#shares.add(pair, key, bytes)) {
      this.#kept.delete(surplus);
      this.observe({ type: 'evicted' });
    }
  }

  /** Each addition removes a few expired entries from the least recently used end, so no full scan is needed. */
  #removeExpired(now: number): void {
    for (let removed = 0; removed < MAX_REMOVED_AT_ONCE; removed += 1) {
      const oldest = this.#kept.rkeys().next();
      if (oldest.done === true) return;
      const kept = this.#kept.peek(oldest.value);
      if (kept !== undefined && kept.expiresAt > now) return;
      this.#kept.delete(oldest.value);
    }
  }

  #refreshInBackground(entry: CacheEntry, kept: KeptToken, fetch: FetchToken): void {
    if (this.#flights.has(entry.key)) return;
    const isNewer: Judge = (found) => found.expiresAt > kept.expiresAt && !found.wantsRefresh(this.clock());
    this.#takeOff(entry, fetch, isNewer, NO_DEMAND).then(
      () => {
        this.observe({ type: 'refresh', outcome: 'renewed' });
      },
      () => {
        kept.refreshFailed(this.clock(), this.random);
        this.observe({ type: 'refresh', outcome: 'failed' });
      },
    );
  }

  /** The kept token for when no other can be had, whatever its age and margin. */
  stillValid(key: string): TokenAnswer | undefined {
    const now = this.clock();
    const kept = this.#kept.get(key);
    return kept === undefined || kept.remaining(now) < 1 ? undefined : { ...kept.answerAt(now), source: 'fallback' };
  }
}

/** Whether the authorization server could not be asked, as opposed to having refused the credentials. */
function isUnavailability(error: unknown): boolean {
  return error instanceof OAuthError && (error.status >= 500 || error.status === 429);
}

/** Maps hold digests instead of tokens, which may take 64 KiB each. */
function digest(accessToken: string): string {
  return hash('sha256', accessToken, 'base64url');
}
