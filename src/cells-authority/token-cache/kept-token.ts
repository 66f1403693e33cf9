import { type TokenSource } from '../authority-observer.js';
import { type IssuedToken } from '../authorization-server/issued-token.js';
import { type SharedToken } from '../shared-store/shared-token.js';

const MARGIN_S = 60;
/** Lifetimes shorter than this have a margin of a tenth instead. */
const LONG_LIFETIME_S = 600;
const REFRESH_SHARE = 0.2;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;

/** Why a client wants a new token. */
export interface Demand {
  /** Seconds of life the token must have left, unless one that can hardly have more was fetched for that in the last 10 seconds. */
  readonly minFresh: number;
  /** Fetch a new one, unless the kept one was fetched for such a demand in the last 2 seconds. */
  readonly forceRefresh: boolean;
}

/** Where a kept token came from. */
export interface TokenOrigin {
  /** The same token in the shared store, if it is there. */
  readonly shared: SharedToken | undefined;
  /** The credential pair whose share of the cache it counts against, if the pair may have several entries. */
  readonly pair: string | undefined;
  /** Why it was fetched. */
  readonly demand: Demand;
}

/** What a kept token takes beside its texts: objects, keys, the cache's own lists. */
const OVERHEAD_BYTES = 1024;
/** Milliseconds for which a token that was fetched on demand also serves further demands. */
const NEW_ENOUGH_MS = 2000;
/** The same for a demand for more life than tokens have. */
const FRESH_ENOUGH_MS = 10_000;

/** Seconds before its expiry from which a token is no longer handed out, nor sent where another can be had. */
export function marginOf(lifetime: number): number {
  return lifetime >= LONG_LIFETIME_S ? MARGIN_S : lifetime / 10;
}

/** A token with its remaining life. All times are in milliseconds on the token clock. */
export class KeptToken {
  readonly expiresAt: number;
  readonly #reuseUntil: number;
  #refreshAt: number;
  /** More life was asked for than tokens have after 10 seconds: a newer one would satisfy the demand no longer. */
  readonly #outlivedByDemand: boolean;
  #failedRefreshes = 0;
  #answer: TokenAnswer | undefined;
  #answeredRemaining = 0;

  constructor(
    readonly token: IssuedToken,
    lifetime: number,
    readonly issuedAt: number,
    random: () => number,
    readonly origin: TokenOrigin,
  ) {
    this.expiresAt = issuedAt + lifetime * 1000;
    this.#outlivedByDemand = origin.demand.minFresh * 1000 > lifetime * 1000 - FRESH_ENOUGH_MS;
    this.#reuseUntil = this.expiresAt - marginOf(lifetime) * 1000;
    // At random in the first half of the last fifth, so that instances do not all renew at once.
    this.#refreshAt = this.expiresAt - lifetime * 1000 * REFRESH_SHARE * (1 - random() / 2);
  }

  /** Approximate bytes that it takes in the cache. */
  get size(): number {
    return this.token.size + OVERHEAD_BYTES;
  }

  /** Whether a client that demands a new token may have this one. */
  isNewEnough(now: number): boolean {
    return this.origin.demand.forceRefresh && now - this.issuedAt < NEW_ENOUGH_MS;
  }

  /** Whole seconds of life left. */
  remaining(now: number): number {
    return Math.max(0, Math.floor((this.expiresAt - now) / 1000));
  }

  /** Whether it has enough life left, at least a whole second, to be handed out instead of a new one. */
  isReusable(now: number, maxAgeS: number, minFreshS: number): boolean {
    const remaining = this.remaining(now);
    const age = now - this.issuedAt;
    const isFresh = remaining >= minFreshS || (this.#outlivedByDemand && age < FRESH_ENOUGH_MS);
    return now < this.#reuseUntil && age < maxAgeS * 1000 && remaining >= 1 && isFresh;
  }

  /** Whether it should be renewed in the background. */
  wantsRefresh(now: number): boolean {
    return now >= this.#refreshAt;
  }

  /** Waits longer before each further try, with jitter. */
  refreshFailed(now: number, random: () => number): void {
    const wait = Math.min(FIRST_RETRY_MS * 2 ** this.#failedRefreshes, LONGEST_RETRY_MS);
    this.#failedRefreshes += 1;
    this.#refreshAt = now + wait * (1 + random() / 2);
  }

  /** The answer with the remaining life, built at most once a second. */
  answerAt(now: number): TokenAnswer {
    const remaining = this.remaining(now);
    if (this.#answer === undefined || this.#answeredRemaining !== remaining) {
      this.#answer = answerWith(this.token, this.token.textWithExpiresIn(remaining), 'kept', remaining);
      this.#answeredRemaining = remaining;
    }
    return this.#answer;
  }
}

/** A token as it is handed to a client. */
export interface TokenAnswer {
  readonly accessToken: string;
  /** The token response, a ready JSON text. */
  readonly text: string;
  /** Bytes of the text in UTF-8. */
  readonly length: number;
  readonly source: TokenSource;
  /** The token as it was issued. */
  readonly issued: IssuedToken;
  /** Seconds of life left; `undefined` when upstream did not say. */
  readonly remaining: number | undefined;
}

/** Makes an answer of a token; by default one with all its life left. */
export function answerWith(
  issued: IssuedToken,
  text: string,
  source: TokenSource,
  remaining = issued.lifetime,
): TokenAnswer {
  return { accessToken: issued.accessToken, text, length: issued.bytesOf(text), source, issued, remaining };
}
