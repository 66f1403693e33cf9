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

/** What a client may demand of a token that is reused. */
export interface ReuseTerms extends Demand {
  /** Seconds since its issue within which a token may be reused. */
  readonly maxAge: number;
}

/**
 * Gets a new token, or one that another instance fetched and that is accepted; throws an {@link OAuthError}
 * when there is none to be had.
 */
export type FetchToken = (accept: AcceptToken) => Promise<IssuedToken | SharedToken>;

/** 0 inclusive to 1 exclusive; spreads renewals in time. */
type Random = () => number;

/** What a token is kept under. */
export interface CacheEntry {
  readonly key: string;
  /** Stands for the credential pair where it may have several entries: its requests name scopes. */
  readonly pair: string | undefined;
}

/** Whether a token will do, however it was come by. */
type Judge = (kept: KeptToken) => boolean;

/** What a flight brought. */
interface Landed {
  readonly token: IssuedToken;
  /** Present when the token is another instance's, and so not as new as can be. */
  readonly found: KeptToken | undefined;
}

/** Bytes of kept tokens. A limit on entries alone would allow 10,000 of 64 KiB: 640 MB. */
const MAX_BYTES = 64 * 1024 * 1024;
/** The part of the cache that one pair may take with its scopes, in entries and in bytes. */
const SHARE_OF_PAIR = 1 / 10;
/** Entries; a small cache is not worth dividing. */
const SMALLEST_SHARE = 10;
const MAX_DROPPED = 1000;
/** A renewal is asked for by nobody. */
const NO_DEMAND: Demand = { minFresh: 0, forceRefresh: false };
const MAX_REMOVED_AT_ONCE = 4;

/**
 * Reuse: one upstream request where there used to be thousands. Finds kept tokens, lets concurrent requests of one key
 * share one flight, renews tokens ahead of their expiry, and falls back to a token that is still valid when no new one
 * can be had.
 */
@Injectable()
export class TokenCache {
  readonly #kept: LRUCache<string, KeptToken>;
  /** Under which keys a token is kept, by its digest. */
  readonly #keysOfToken = new Map<string, readonly string[]>();
  readonly #shares: PairShares;
  readonly #flights = new Map<string, Promise<Landed>>();
  /** Digests of tokens somebody found to be bad; a flight that was under way must not bring one of them back. */
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

  /** What they take, as far as it is counted; for metrics. */
  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  /** The kept token on these terms, without waiting for anything; starts a renewal when it is due. */
  reuse(key: string, terms: ReuseTerms, fetch: FetchToken): TokenAnswer | undefined {
    const kept = this.#kept.get(key);
    const now = this.clock();
    if (kept?.isReusable(now, terms.maxAge, terms.minFresh) !== true) return undefined;
    if (terms.forceRefresh && !kept.isNewEnough(now)) return undefined;
    if (kept.wantsRefresh(now)) this.#refreshInBackground({ key, pair: kept.origin.pair }, kept, fetch);
    return kept.answerAt(now);
  }

  /**
   * A new token on these terms, for which {@link reuse} had none.
   *
   * @throws OAuthError when no token can be had and none that is still valid is kept.
   */
  fetch(entry: CacheEntry, terms: ReuseTerms, fetch: FetchToken): Promise<TokenAnswer> {
    return this.#fetchOrJoin(entry, fetch, this.#judgeBy(terms), terms);
  }

  /** The token that another instance fetched, if it will do; nothing is fetched. */
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
      // Whoever began the flight may have asked for less than this one.
      if (underWay !== undefined && !judge(found)) return await this.#fetchOrJoin(entry, fetch, judge, demand);
      return this.#answerFound(found);
    } catch (error) {
      const fallback = isUnavailability(error) ? this.#stillValid(entry.key) : undefined;
      if (fallback === undefined) throw error;
      return fallback;
    }
  }

  /** Drops exactly this token, and no newer one. `false` when it is not kept here: then nothing has happened. */
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

  /** What is found is kept even when it will not do: it is what to fall back to. */
  #keepAndJudge(entry: CacheEntry, judge: Judge): AcceptToken {
    return (shared) => {
      const found = this.#keep(entry, shared.token, shared);
      return found !== undefined && judge(found);
    };
  }

  #answerFound(found: KeptToken): TokenAnswer {
    return { ...found.answerAt(this.clock()), source: 'shared_store' };
  }

  /** One flight a key at a time: a slower, older fetch cannot overwrite a newer token, for there is no other. */
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

  /** A new token replaces the kept one; a token that was found does so when it lives longer. */
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

  #stillValid(key: string): TokenAnswer | undefined {
    const now = this.clock();
    const kept = this.#kept.get(key);
    return kept === undefined || kept.remaining(now) < 1 ? undefined : { ...kept.answerAt(now), source: 'fallback' };
  }
}

/** Nobody said that the credentials are wrong: there is just nobody to ask. */
function isUnavailability(error: unknown): boolean {
  return error instanceof OAuthError && (error.status >= 500 || error.status === 429);
}

/** The tokens themselves could take 64 KiB each. */
function digest(accessToken: string): string {
  return hash('sha256', accessToken, 'base64url');
}
