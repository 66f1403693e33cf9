import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClientCredentials } from '../client-credentials/client-credentials.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { tooManyRequests } from '../errors/oauth-errors.js';
import { type Patience, type RedisAccess } from './redis-access.js';
import { type RedisCommands } from './redis-commands.js';
import { type SharedKeys } from './shared-keys.js';
import { nextLook } from './shared-lock.js';

/** What is held: the credential pair, or one request of it, whose scope was refused, say. */
export type Held = 'pair' | 'request';

/** A hold that another instance began. */
export interface HoldElsewhere {
  readonly held: Held;
  readonly answer: OAuthError;
  readonly lifeMs: number;
}

/** A place among the forwards that a pair has in 600 s. */
export interface Admission {
  /** Forwards of the pair in the last 600 s before this one. */
  readonly earlier: number;
  /** Milliseconds until the first of them no longer counts. */
  readonly firstLapsesMs: number;
}

/** What a flight tells the other instances about its pair, and hears from them. Nothing in it ever throws but `admit`. */
export interface HoldsElsewhere {
  /** A hold of another instance, a place among the forwards, or `undefined` when Redis has nothing to say. */
  admit(): Promise<HoldElsewhere | Admission | undefined>;
  /** The pair works. */
  proven(): void;
  /** The authorization server gave no verdict: the forward does not count. */
  undecided(): void;
  /** Held from now on, everywhere. */
  hold(held: Held, answer: OAuthError, lifeMs: number, counts: boolean): void;
}

/** As in memory: Aspose bans a pair at its 6th failure in 10 minutes. */
const WINDOW_MS = 600_000;
const FORWARDS_IN_WINDOW = 4;
const PROVEN_MS = 600_000;

/** KEYS: hold, forwards, proven. ARGV: name of this forward. Time is Redis' own, so instances need not agree on it. */
const ADMIT = `
local hold = redis.call('GET', KEYS[1])
if hold then return {'held', hold, redis.call('PTTL', KEYS[1])} end
if redis.call('EXISTS', KEYS[3]) == 1 then return {'admitted', 0, 0} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ${WINDOW_MS})
local earlier = redis.call('ZCARD', KEYS[2])
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local lapses = first[2] and (first[2] + ${WINDOW_MS} - now) or ${WINDOW_MS}
if earlier >= ${FORWARDS_IN_WINDOW} then return {'full', earlier, lapses} end
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('PEXPIRE', KEYS[2], ${WINDOW_MS})
return {'admitted', earlier, lapses}`;

/** KEYS: hold, forwards, proven. ARGV: name of this forward, whether it counts, hold, its milliseconds. */
const HOLD = `
redis.call('DEL', KEYS[3])
if ARGV[2] == '1' then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[2], 'NX', time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ${WINDOW_MS})
else
  redis.call('ZREM', KEYS[2], ARGV[1])
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4]) end
return 1`;

const PROVE = `
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SET', KEYS[3], '1', 'PX', ${PROVEN_MS})
return 1`;

/** What sealed holds and counts are about. */
export interface HoldSubject {
  readonly credentials: ClientCredentials;
  readonly pairFields: readonly string[];
  readonly requestFields: readonly string[];
}

/** Holds and forwards of one credential pair, counted for all instances, under each secret while secrets rotate. */
export class SharedHolds implements HoldsElsewhere {
  readonly #forward = randomBytes(9).toString('base64url');

  constructor(
    private readonly access: RedisAccess,
    private readonly patience: Patience,
    private readonly keys: readonly SharedKeys[],
    private readonly subject: HoldSubject,
    private readonly clock: Clock,
    private readonly deadline: number,
  ) {}

  async admit(): Promise<HoldElsewhere | Admission | undefined> {
    for (let tries = 0; ; tries += 1) {
      const command = (redis: RedisCommands) => Promise.all(this.keys.map((keys) => this.#admitUnder(keys, redis)));
      const answers = await (tries === 0
        ? this.access.ask('count', this.patience, command)
        : this.access.askFreely('count', this.patience, command));
      if (answers === undefined) return undefined;
      const hold = answers.find((answer) => answer !== 'full' && 'answer' in answer);
      if (hold !== undefined) return hold;
      const admissions = answers.filter((answer) => answer !== 'full' && 'earlier' in answer);
      if (admissions.length === answers.length) {
        return admissions.reduce((one, other) => (one.earlier >= other.earlier ? one : other));
      }
      // Other instances are about to learn whether the pair works: as many as may try it.
      this.undecided();
      const left = this.deadline - this.clock();
      if (left <= 0) throw tooManyRequests('These credentials were refused too often', 1);
      await delay(Math.min(nextLook(tries), left));
    }
  }

  proven(): void {
    this.#sendForEach((keys, redis) => redis.run(PROVE, this.#pairKeys(keys), []));
  }

  undecided(): void {
    this.#sendForEach((keys, redis) =>
      redis.run(`return redis.call('ZREM', KEYS[1], ARGV[1])`, [this.#pairKeys(keys)[1]], [this.#forward]),
    );
  }

  hold(held: Held, answer: OAuthError, lifeMs: number, counts: boolean): void {
    if (lifeMs < 1) return;
    const text = JSON.stringify({
      error: answer.error,
      status: answer.status,
      description: answer.description,
      body: answer.body,
    });
    this.#sendForEach(async (keys, redis) => {
      const key = this.#holdKey(keys, held);
      const sealed = keys.seal(text, key, this.subject.credentials).toString('base64');
      if (held === 'request') return redis.set(key, sealed, lifeMs);
      return redis.run(HOLD, this.#pairKeys(keys), [this.#forward, counts ? 1 : 0, sealed, Math.ceil(lifeMs)]);
    });
  }

  async #admitUnder(keys: SharedKeys, redis: RedisCommands): Promise<HoldElsewhere | Admission | 'full'> {
    const requestKey = this.#holdKey(keys, 'request');
    const pairKeys = this.#pairKeys(keys);
    const [request, pair] = await Promise.all([redis.get(requestKey), redis.run(ADMIT, pairKeys, [this.#forward])]);
    const ofRequest =
      request === undefined
        ? undefined
        : this.#open(keys, 'request', requestKey, String(request.value), request.lifeMs);
    if (ofRequest !== undefined) return ofRequest;
    const [verdict, first, second] = Array.isArray(pair) ? pair.map(String) : [];
    if (verdict === 'held') {
      return this.#open(keys, 'pair', pairKeys[0], first ?? '', Number(second)) ?? NO_FORWARDS;
    }
    return verdict === 'full' ? 'full' : { earlier: Number(first ?? 0), firstLapsesMs: Number(second ?? 0) };
  }

  #open(keys: SharedKeys, held: Held, key: string, sealed: string, lifeMs: number): HoldElsewhere | undefined {
    const text = keys.open(Buffer.from(sealed, 'base64'), key, this.subject.credentials);
    const answer = text === undefined ? undefined : parseAnswer(text);
    if (answer !== undefined && lifeMs > 0) return { held, answer, lifeMs };
    this.access.tell('count', 'tampered');
    this.access.send('delete', (redis) => redis.run(`return redis.call('DEL', KEYS[1])`, [key], []));
    return undefined;
  }

  #holdKey(keys: SharedKeys, held: Held): string {
    return keys.key('hold', held === 'pair' ? this.subject.pairFields : this.subject.requestFields);
  }

  #pairKeys(keys: SharedKeys): [hold: string, forwards: string, proven: string] {
    const { pairFields } = this.subject;
    return [keys.key('hold', pairFields), keys.key('forwards', pairFields), keys.key('proven', pairFields)];
  }

  #sendForEach(command: (keys: SharedKeys, redis: RedisCommands) => Promise<unknown>): void {
    for (const keys of this.keys) this.access.send('count', (redis) => command(keys, redis));
  }
}

const NO_FORWARDS: Admission = { earlier: 0, firstLapsesMs: WINDOW_MS };

/** It was sealed by an instance of ours, and so is what one of ours writes. */
function parseAnswer(text: string): OAuthError | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const { error, status, description, body } = value as Record<string, unknown>;
  if (typeof error !== 'string' || typeof status !== 'number' || typeof description !== 'string') return undefined;
  return new OAuthError({
    error,
    status,
    description,
    relayedBody: typeof body === 'string' ? body : undefined,
  });
}
