import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type IssuedToken } from '../authorization-server/issued-token.js';
import { AUTHORITY_OPTIONS, type AuthorityOptions } from '../cells-authority.options.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { SHARED_STORE, TOKEN_CLOCK, WALL_CLOCK } from '../injection-tokens.js';
import { SharedKeys } from '../shared-store/shared-keys.js';
import { type SharedStore } from '../shared-store/shared-store.js';
import { CacheKeys } from '../token-cache/cache-keys.js';
import { isAboutRequest, isRefusal } from '../token-cache/credential-holds.js';
import { marginOf, type TokenAnswer } from '../token-cache/kept-token.js';
import { PairShares } from '../token-cache/pair-shares.js';
import { type AuthorityRequest, TokenAuthority } from '../token-cache/token-authority.js';
import { maxAgeOn, PUBLISHED_PATH } from '../token-paths.js';

/** Sessions in memory; the least recently used go first. */
const MAX_SESSIONS = 10_000;
/** Of one credential pair, which may have a token for each of many scopes. */
const MAX_SESSIONS_OF_PAIR = MAX_SESSIONS / 10;
const REMOVAL_INTERVAL_MS = 60_000;
/** Milliseconds for which a token that replaced a refused one is not itself replaced. */
const REPLACEMENT_INTERVAL_MS = 10_000;
const MAX_REPLACEMENTS = 1000;

/** What is sealed: the token request that the session's token answered. Times are on the wall clock. */
interface SessionContent {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string | undefined;
  /** The token itself is sent until then. */
  readonly goodUntil: number;
  readonly endsAt: number;
}

/** A session in memory, unreadable without its token. Times are on the token clock. */
interface KeptSession {
  /** One character per byte. A small buffer would keep the whole 8 KiB pool alive that Node cut it from. */
  readonly sealed: string;
  readonly goodUntil: number;
  /** Key of the credential pair. */
  readonly pair: string;
  /** Whether the Cells API refused the token. */
  refused: boolean;
  /** Whether it is still in the cache. */
  kept: boolean;
}

/** Finds the token to send for a client whose own token was handed out here. */
export interface TokenSession {
  /**
   * The token to send: the client's own while it is good, returned at once, or else a good one of its credential pair;
   * `undefined` when none can be had.
   *
   * @param clientAddress called only when another token is needed; failures count against this address.
   */
  token(clientAddress: () => string | undefined): string | Promise<string | undefined>;
  /**
   * Whether this token replaced a refused one within the last 10 seconds. If it is refused as well, the token is not
   * the problem, and another one would only cost a token request.
   */
  isReplacement(accessToken: string): boolean;
  /** A token other than the refused one; `undefined` when none can be had. */
  tokenInsteadOf(refused: string, clientAddress: string | undefined): Promise<string | undefined>;
}

/**
 * Sessions (option `cellsApiSessionMaxS`): while one lasts, a token that was handed out over HTTP stands for the
 * credential pair it was requested with. The pair is encrypted with a key derived from the token and found by a keyed
 * hash of the token: without the token nothing can be read.
 */
@Injectable()
export class TokenSessions {
  readonly #maxMs: number | undefined;
  readonly #seals = new SharedKeys(randomBytes(32).toString('base64'));
  readonly #kept: LRUCache<string, KeptSession>;
  readonly #shares = new PairShares(MAX_SESSIONS_OF_PAIR, Infinity);
  /** Handing out the same token again costs a lookup here instead of cryptography. */
  readonly #begun = new WeakMap<IssuedToken, KeptSession>();
  /** When a token replaced a refused one. */
  readonly #replacedAt = new LRUCache<string, number>({ max: MAX_REPLACEMENTS });
  #removalAt = -Infinity;

  constructor(
    @Inject(AUTHORITY_OPTIONS) private readonly options: AuthorityOptions,
    private readonly keys: CacheKeys,
    private readonly authority: TokenAuthority,
    @Inject(SHARED_STORE) private readonly shared: SharedStore | undefined,
    @Inject(TOKEN_CLOCK) private readonly clock: Clock,
    @Inject(WALL_CLOCK) private readonly wallClock: Clock,
  ) {
    const { cellsApiSessionMaxS: maxS } = options;
    this.#maxMs = maxS === undefined ? undefined : maxS * 1000;
    this.#kept = new LRUCache({
      max: MAX_SESSIONS,
      ttl: this.#maxMs ?? 0,
      ttlResolution: 0,
      perf: { now: clock },
      dispose: (session, key) => {
        session.kept = false;
        this.#shares.remove(session.pair, key);
      },
    });
  }

  /** Begins the session of a token that is handed out, unless it has begun. It ends at a fixed age of the token. */
  begin({ credentials, scope }: AuthorityRequest, { issued, remaining }: TokenAnswer): void {
    if (this.#maxMs === undefined || this.#begun.get(issued)?.kept === true) return;
    const { accessToken, lifetime } = issued;
    // A token without a lifetime is not reused: its session would fetch a new one for every request.
    if (lifetime === undefined || remaining === undefined) return;
    const lifeMs = this.#maxMs - (lifetime - remaining) * 1000;
    if (lifeMs <= 0) return;
    const now = this.wallClock();
    const { clientId, clientSecret } = credentials;
    const goodUntil = now + (remaining - marginOf(lifetime)) * 1000;
    const content: SessionContent = { clientId, clientSecret, scope, goodUntil, endsAt: now + lifeMs };
    this.#begun.set(issued, this.#keep(accessToken, content));
    this.shared?.sessions.keep(accessToken, JSON.stringify(content), lifeMs);
  }

  /** The session of a token: returned at once if it is known here, as a promise otherwise. */
  find(accessToken: string): TokenSession | undefined | Promise<TokenSession | undefined> {
    if (this.#maxMs === undefined) return undefined;
    const session = this.#kept.get(this.keys.session(accessToken));
    if (session !== undefined) return this.#open(accessToken, session);
    return this.shared?.sessions.find(accessToken).then((text) => this.#adopt(accessToken, text));
  }

  /** Marks a token as refused by the Cells API. */
  refused(accessToken: string): void {
    if (this.#maxMs === undefined) return;
    const session = this.#kept.peek(this.keys.session(accessToken));
    if (session !== undefined) session.refused = true;
  }

  /** Takes over a session that another instance began. */
  #adopt(accessToken: string, text: string | undefined): TokenSession | undefined {
    if (text === undefined) return undefined;
    const content = JSON.parse(text) as SessionContent;
    if (content.endsAt <= this.wallClock()) return undefined;
    return this.#open(accessToken, this.#keep(accessToken, content));
  }

  #keep(accessToken: string, content: SessionContent): KeptSession {
    const now = this.clock();
    const wallNow = this.wallClock();
    const key = this.keys.session(accessToken);
    const session: KeptSession = {
      sealed: this.#seals.seal(JSON.stringify(content), key, accessToken).toString('latin1'),
      goodUntil: now + content.goodUntil - wallNow,
      pair: this.keys.pair(content),
      refused: false,
      kept: true,
    };
    this.#removeEnded(now);
    this.#kept.set(key, session, { ttl: Math.max(1, Math.floor(content.endsAt - wallNow)) });
    for (const surplus of this.#shares.add(session.pair, key, 0)) this.#kept.delete(surplus);
    return session;
  }

  /** Runs at most once a minute because it walks all sessions. */
  #removeEnded(now: number): void {
    if (now < this.#removalAt) return;
    this.#removalAt = now + REMOVAL_INTERVAL_MS;
    this.#kept.purgeStale();
  }

  #open(accessToken: string, session: KeptSession): TokenSession {
    const renew = (refused: string | undefined, clientAddress: string | undefined) =>
      this.#obtain(accessToken, session, refused, clientAddress);
    return {
      token: (clientAddress) => {
        if (!session.refused && this.clock() < session.goodUntil) return accessToken;
        return renew(undefined, clientAddress());
      },
      isReplacement: (token) =>
        this.clock() - (this.#replacedAt.get(this.keys.session(token)) ?? -Infinity) < REPLACEMENT_INTERVAL_MS,
      tokenInsteadOf: async (refused, clientAddress) => {
        const token = await renew(refused, clientAddress);
        const key = token === undefined ? undefined : this.keys.session(token);
        if (key !== undefined && !this.#replacedAt.has(key)) this.#replacedAt.set(key, this.clock());
        return token;
      },
    };
  }

  /** Gets a good token of the pair the usual way. If the pair is refused, the session ends. */
  async #obtain(
    accessToken: string,
    session: KeptSession,
    refused: string | undefined,
    clientAddress: string | undefined,
  ): Promise<string | undefined> {
    const sealed = Buffer.from(session.sealed, 'latin1');
    const text = this.#seals.open(sealed, this.keys.session(accessToken), accessToken);
    if (text === undefined) return undefined;
    const { clientId, clientSecret, scope } = JSON.parse(text) as SessionContent;
    const request = { credentials: { clientId, clientSecret }, scope, clientAddress };
    const terms = { maxAge: maxAgeOn(PUBLISHED_PATH, this.options), minFresh: 0, forceRefresh: false };
    try {
      const first = await this.authority.obtain(request, terms);
      if (first.accessToken !== refused) return first.accessToken;
      // It came from another instance, where it had not been dropped yet. Now it is kept here and can be dropped.
      this.authority.invalidate(refused);
      const second = await this.authority.obtain(request, terms);
      return second.accessToken === refused ? undefined : second.accessToken;
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      if (isRefusal(error) && !isAboutRequest(error)) this.#end(accessToken);
      return undefined;
    }
  }

  #end(accessToken: string): void {
    this.#kept.delete(this.keys.session(accessToken));
    this.shared?.sessions.forget(accessToken);
  }
}
