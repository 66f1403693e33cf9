import { setTimeout as delay } from 'node:timers/promises';
import { IssuedToken } from '../authorization-server/issued-token.js';
import { type ClientCredentials } from '../client-credentials/client-credentials.js';
import { type Clock } from '../clock.js';
import { gatewayTimeout } from '../errors/oauth-errors.js';
import { type Patience, type RedisAccess } from './redis-access.js';
import { type RedisCommands, type TimedValue } from './redis-commands.js';
import { type SharedKeys } from './shared-keys.js';
import { nextLook, SharedLock } from './shared-lock.js';
import { issuedKey, place } from './issued-tokens.js';
import { deleteValue, SharedToken } from './shared-token.js';

/** Decides whether a token that another instance fetched will do instead of a new one. */
export type AcceptToken = (found: SharedToken) => boolean;

export interface SharedTokensParts {
  readonly access: RedisAccess;
  readonly patience: Patience;
  /** The first one protects what is written; the others are previous secrets. */
  readonly keys: readonly [SharedKeys, ...SharedKeys[]];
  readonly clock: Clock;
  readonly wallClock: Clock;
  readonly lockLapseMs: number;
}

/** Allows for Redis' rounding and for the round trip. */
const LIFE_TOLERANCE_MS = 2000;

/** The token of one cache key in Redis, and the single flight across all instances that fetches it. */
export class SharedTokens {
  readonly #writeKey: string;
  /** The key to write, and those under previous secrets. */
  readonly #redisKeys: readonly string[];
  #refused: SharedToken | undefined;

  constructor(
    private readonly parts: SharedTokensParts,
    private readonly credentials: ClientCredentials,
    private readonly fields: readonly string[],
  ) {
    const [present, ...previous] = parts.keys;
    this.#writeKey = present.key('token', fields);
    this.#redisKeys = [this.#writeKey, ...previous.map((keys) => keys.key('token', fields))];
  }

  /**
   * A token from another instance that will do, or else the one that `fetch` gets while other instances wait for it.
   *
   * @throws OAuthError when the deadline passes while another instance fetches, or whatever `fetch` throws.
   */
  async obtain(
    accept: AcceptToken,
    fetch: () => Promise<IssuedToken>,
    deadline: number,
  ): Promise<IssuedToken | SharedToken> {
    const found = await this.find(accept);
    if (found !== undefined) return found;
    const lock = new SharedLock(this.parts.access, this.parts.keys[0].key('lock', this.fields), this.parts.lockLapseMs);
    const turn = await this.#awaitTurn(lock, accept, deadline);
    if (turn instanceof SharedToken) return turn;
    if (turn === 'locked') lock.hold();
    try {
      return this.#share(await fetch());
    } finally {
      if (turn === 'locked') lock.release();
    }
  }

  /** A token from the store that will do. */
  async find(accept: AcceptToken): Promise<SharedToken | undefined> {
    const { access, patience } = this.parts;
    const values = await access.ask('read', patience, (redis) => this.#get(redis));
    return values === undefined ? undefined : this.#choose(values, accept);
  }

  async #awaitTurn(
    lock: SharedLock,
    accept: AcceptToken,
    deadline: number,
  ): Promise<SharedToken | 'locked' | 'unlocked'> {
    const { access, patience, clock } = this.parts;
    for (let tries = 0; ; tries += 1) {
      // The lock first: an instance that gets it right after another one then finds the token that one left.
      const command = (redis: RedisCommands) => Promise.all([lock.acquire(redis), this.#get(redis)]);
      // Only the first try is a wait for Redis; the later ones wait for the instance that fetches.
      const answer = await (tries === 0
        ? access.ask('lock', patience, command)
        : access.askFreely('lock', patience, command));
      if (answer === undefined) return 'unlocked';
      const [acquired, values] = answer;
      const found = this.#choose(values, accept);
      if (found !== undefined && acquired) lock.release();
      if (found !== undefined) return found;
      if (acquired) return 'locked';
      const left = deadline - clock();
      if (left <= 0) throw gatewayTimeout('Another instance did not get a token in time');
      await delay(Math.min(nextLook(tries), left));
    }
  }

  #get(redis: RedisCommands): Promise<(TimedValue | undefined)[]> {
    return Promise.all(this.#redisKeys.map((key) => redis.get(key)));
  }

  #choose(values: readonly (TimedValue | undefined)[], accept: AcceptToken): SharedToken | undefined {
    for (const [index, value] of values.entries()) {
      const found = value === undefined ? undefined : this.#open(value, index);
      if (value === undefined || found === undefined) continue;
      if (found.token.accessToken === this.#refused?.token.accessToken || !accept(found)) {
        this.#refused = found;
        continue;
      }
      this.parts.access.report('read', 'hit');
      return index === 0 ? found : this.#write(found.token, found.ageMs, true);
    }
    this.parts.access.report('read', 'miss');
    return undefined;
  }

  /** Not ours: what this client's secret does not open, and what is not a token response of plausible age. */
  #open({ value, lifeMs }: TimedValue, index: number): SharedToken | undefined {
    const { access, keys } = this.parts;
    const key = this.#redisKeys[index] ?? this.#writeKey;
    const [, issuedAt, text] =
      /^(\d+) (.*)$/s.exec((keys[index] ?? keys[0]).open(value, key, this.credentials.clientSecret) ?? '') ?? [];
    const token = text === undefined ? undefined : IssuedToken.parse(text);
    const ageMs = (token?.lifetime ?? 0) * 1000 - lifeMs;
    // Redis' clock may have been set back, and instances' clocks may differ: the higher age of the two counts.
    const ageByWallMs = this.parts.wallClock() - Number(issuedAt);
    if (token?.lifetime === undefined || lifeMs <= 0 || ageMs < -LIFE_TOLERANCE_MS) {
      access.report('read', 'tampered');
      deleteValue(access, key, value);
      return undefined;
    }
    return new SharedToken(token, Math.max(0, ageMs, ageByWallMs), true, access, key, value);
  }

  #share(token: IssuedToken): IssuedToken | SharedToken {
    return token.lifetime === undefined ? token : this.#write(token, 0, false);
  }

  /** Writes in the background: the caller already has the token. */
  #write(token: IssuedToken, ageMs: number, foundThere: boolean): SharedToken {
    const { access, keys, wallClock } = this.parts;
    const key = this.#writeKey;
    const issuedAt = Math.floor(wallClock() - ageMs);
    const value = keys[0].seal(`${issuedAt} ${token.text}`, key, this.credentials.clientSecret);
    const lifeMs = (token.lifetime ?? 0) * 1000 - ageMs;
    access.send('write', (redis) => redis.set(key, value, lifeMs));
    access.send('write', (redis) => redis.set(issuedKey(keys[0], token.accessToken), place(key, value), lifeMs));
    return new SharedToken(token, ageMs, foundThere, access, key, value);
  }
}
