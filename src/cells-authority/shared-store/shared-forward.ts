import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClientCredentials } from '../client-credentials/client-credentials.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { temporarilyUnavailable } from '../errors/oauth-errors.js';
import { type Patience, type RedisAccess } from './redis-access.js';
import { type RedisCommands } from './redis-commands.js';
import { type SharedKeys } from './shared-keys.js';
import { nextLook } from './shared-lock.js';
import { MAX_HELD_BODY_LENGTH, REFUSAL_COUNTS_MS, REFUSALS_ALLOWED } from '../token-cache/refusal-limit.js';

/** What is held: the credential pair, or a single request of it, for example because its scope was refused. */
export type Held = 'pair' | 'request';

/** A hold that another instance set. */
export interface SharedHold {
  readonly of: Held;
  /** `undefined` when the pair was refused too often and no answer is left to repeat. */
  readonly answer: OAuthError | undefined;
  readonly lifeMs: number;
}

/** The refusals of a pair that may still be forwarded. */
export interface SharedCount {
  /** Refusals of the pair in the last 600 s. */
  readonly refusals: number;
  /** Milliseconds for which the first of them still counts. */
  readonly firstCountsMs: number;
}

/** With a number, names a forward among those of all instances. */
const INSTANCE = randomBytes(9).toString('base64url');
let forwards = 0;

/** A place lapses this many milliseconds after its request's deadline, in case the instance has died. */
const LEASE_BEYOND_DEADLINE_MS = 1000;

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/**
 * Takes a place among the pair's running requests, of which there may be as many as may still be refused.
 *
 * KEYS: hold, refusals, under way. ARGV: this request, milliseconds of its place, refusals allowed. Redis' own time is
 * used, so the clocks of the instances need not agree.
 */
const ADMIT = `
local hold = redis.call('GET', KEYS[1])
if hold then return {'held', hold, redis.call('PTTL', KEYS[1])} end${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ${REFUSAL_COUNTS_MS})
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
local refusals = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
local refused = #refusals / 2
local function counts(n)
  return math.min(refusals[2 * n] + ${REFUSAL_COUNTS_MS} - now, ${REFUSAL_COUNTS_MS})
end
local allowed = tonumber(ARGV[3])
if refused >= allowed then return {'spent', counts(refused - allowed + 1)} end
if refused + redis.call('ZCARD', KEYS[3]) >= ${REFUSALS_ALLOWED} then return {'full'} end
redis.call('ZADD', KEYS[3], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[3], math.max(ARGV[2], redis.call('PTTL', KEYS[3])))
return {'admitted', refused, refused > 0 and counts(1) or 0}`;

/** KEYS: under way. ARGV: this request. */
const RELEASE = `return redis.call('ZREM', KEYS[1], ARGV[1])`;

/** The place becomes a refusal. KEYS: refusals, under way. ARGV: this request. */
const REFUSED = `${NOW}
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
return redis.call('PEXPIRE', KEYS[1], ${REFUSAL_COUNTS_MS})`;

/** A shorter hold does not replace a longer one. KEYS: hold. ARGV: hold, its milliseconds. */
const HOLD = `
if redis.call('PTTL', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])`;

const DELETE = `return redis.call('DEL', KEYS[1])`;

/** Whose holds and counts these are. */
export interface HoldSubject {
  readonly credentials: ClientCredentials;
  readonly pairFields: readonly string[];
  readonly requestFields: readonly string[];
}

/**
 * Coordinates one forward of a credential pair with all other instances: they share holds, refusals and the number of
 * running requests, under each secret while secrets rotate. Only `admit` throws.
 */
export class SharedForward {
  readonly #name = `${INSTANCE}-${(forwards += 1)}`;

  constructor(
    private readonly access: RedisAccess,
    private readonly patience: Patience,
    private readonly keys: readonly SharedKeys[],
    private readonly subject: HoldSubject,
    private readonly clock: Clock,
    private readonly deadline: number,
  ) {}

  /**
   * Waits for a place among the pair's running requests. Returns a hold of another instance, or the pair's refusals, or
   * `undefined` when Redis gives no answer.
   *
   * @throws OAuthError when the deadline passes before a place is free.
   */
  async admit(refusalsAllowed: number): Promise<SharedHold | SharedCount | undefined> {
    let cleaned = false;
    for (let tries = 0; ; tries += 1) {
      const command = (redis: RedisCommands) =>
        Promise.all(this.keys.map((keys) => this.#admitUnder(keys, refusalsAllowed, redis)));
      // Only the first try is a wait for Redis; the later ones wait for other requests of the pair.
      const answers = await (tries === 0
        ? this.access.ask('count', this.patience, command)
        : this.access.askFreely('count', this.patience, command));
      if (answers === undefined) return undefined;
      const hold = answers.find((answer) => typeof answer === 'object' && 'lifeMs' in answer);
      const counts = answers.filter((answer) => typeof answer === 'object' && 'refusals' in answer);
      if (hold === undefined && counts.length === answers.length) {
        return counts.reduce((one, other) => (one.refusals >= other.refusals ? one : other));
      }
      if (counts.length > 0) this.release();
      if (hold !== undefined) return hold;
      if (answers.includes('tampered')) {
        if (cleaned) return undefined;
        cleaned = true;
        continue;
      }
      const left = this.deadline - this.clock();
      if (left <= 0) throw temporarilyUnavailable('Too many requests of these credentials are under way', 1);
      await delay(Math.min(nextLook(tries), left));
    }
  }

  /** The request is over, and was not refused. */
  release(): void {
    this.#sendForEach((keys, redis) => redis.run(RELEASE, [this.#pairKeys(keys)[2]], [this.#name]));
  }

  /** The authorization server refused the request. */
  refused(of: Held, answer: OAuthError, holdMs: number): void {
    // The hold first, so that an instance that finds no place left also finds the answer to repeat.
    this.#hold(of, answer, holdMs);
    this.#sendForEach((keys, redis) => redis.run(REFUSED, this.#pairKeys(keys).slice(1), [this.#name]));
  }

  /** The authorization server throttles the pair (429). That does not count as a refusal. */
  throttled(answer: OAuthError, holdMs: number): void {
    this.#hold('pair', answer, holdMs);
    this.release();
  }

  #hold(of: Held, answer: OAuthError, holdMs: number): void {
    if (holdMs < 1) return;
    const { error, status, description, body } = answer;
    const text = JSON.stringify({
      error,
      status,
      description,
      body: body.length <= MAX_HELD_BODY_LENGTH ? body : undefined,
    });
    this.#sendForEach((keys, redis) => {
      const key = this.#holdKey(keys, of);
      const sealed = keys.seal(text, key, this.subject.credentials.clientSecret).toString('base64');
      return redis.run(HOLD, [key], [sealed, Math.ceil(holdMs)]);
    });
  }

  async #admitUnder(
    keys: SharedKeys,
    refusalsAllowed: number,
    redis: RedisCommands,
  ): Promise<SharedHold | SharedCount | 'full' | 'tampered'> {
    const requestKey = this.#holdKey(keys, 'request');
    const pairKeys = this.#pairKeys(keys);
    const leaseMs = Math.ceil(Math.max(0, this.deadline - this.clock()) + LEASE_BEYOND_DEADLINE_MS);
    const [request, pair] = await Promise.all([
      redis.get(requestKey),
      redis.run(ADMIT, pairKeys, [this.#name, leaseMs, refusalsAllowed]),
    ]);
    const [verdict, first, second] = Array.isArray(pair) ? pair.map(String) : [];
    const ofRequest =
      request === undefined
        ? undefined
        : this.#open(keys, 'request', requestKey, String(request.value), request.lifeMs);
    if (ofRequest !== undefined) {
      if (verdict === 'admitted') this.release();
      return ofRequest;
    }
    if (verdict === 'held') return this.#open(keys, 'pair', pairKeys[0], first ?? '', Number(second)) ?? 'tampered';
    if (verdict === 'full') return 'full';
    const refusals = wholeUpTo(REFUSALS_ALLOWED, first);
    const firstCountsMs = wholeUpTo(REFUSAL_COUNTS_MS, second);
    if (verdict === 'admitted' && refusals !== undefined && firstCountsMs !== undefined) {
      return { refusals, firstCountsMs };
    }
    const lifeMs = wholeUpTo(REFUSAL_COUNTS_MS, first);
    if (verdict === 'spent' && lifeMs !== undefined) {
      return { of: refusalsAllowed === REFUSALS_ALLOWED ? 'pair' : 'request', answer: undefined, lifeMs };
    }
    this.access.report('count', 'tampered');
    return 'tampered';
  }

  #open(keys: SharedKeys, of: Held, key: string, sealed: string, lifeMs: number): SharedHold | undefined {
    const text = keys.open(Buffer.from(sealed, 'base64'), key, this.subject.credentials.clientSecret);
    const answer = text === undefined ? undefined : parseAnswer(text);
    // Redis' clock may have been set back.
    if (answer !== undefined && lifeMs > 0) return { of, answer, lifeMs: Math.min(lifeMs, LONGEST_HOLD_MS) };
    this.access.report('count', 'tampered');
    this.access.send('delete', (redis) => redis.run(DELETE, [key], []));
    return undefined;
  }

  #holdKey(keys: SharedKeys, of: Held): string {
    return keys.key('hold', of === 'pair' ? this.subject.pairFields : this.subject.requestFields);
  }

  #pairKeys(keys: SharedKeys): [hold: string, refusals: string, underWay: string] {
    const { pairFields } = this.subject;
    return [keys.key('hold', pairFields), keys.key('refusals', pairFields), keys.key('forwards', pairFields)];
  }

  #sendForEach(command: (keys: SharedKeys, redis: RedisCommands) => Promise<unknown>): void {
    for (const keys of this.keys) this.access.send('count', (redis) => command(keys, redis));
  }
}

/** The longest hold: an upstream 429 of one hour. */
const LONGEST_HOLD_MS = 3_600_000;

/** A number from Redis, which may say anything; `undefined` when it is none. */
function wholeUpTo(most: number, text = ''): number | undefined {
  return /^\d+$/.test(text) ? Math.min(Number(text), most) : undefined;
}

/** The text was sealed by one of our instances, so it is known to be JSON. */
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
