import { LRUCache } from 'lru-cache';
import { type AuthorityObserver } from '../authority-observer.js';
import { type Clock } from '../clock.js';
import { OAuthError, type OAuthErrorInit } from '../errors/oauth-error.js';
import { temporarilyUnavailable, tooManyRequests } from '../errors/oauth-errors.js';
import { type SharedCount, type SharedForward } from '../shared-store/shared-forward.js';
import { ForwardQueue } from './forward-queue.js';
import {
  growingHoldMs,
  MAX_HELD_BODY_LENGTH,
  REFUSAL_COUNTS_MS,
  REFUSALS_ALLOWED,
  REFUSALS_ALLOWED_TO_ONE_REQUEST,
} from './refusal-limit.js';

/** A token request that may be on hold. */
export interface HeldRequest {
  /** Stands for the credential pair. */
  readonly pair: string;
  /** Stands for the pair with its scope. */
  readonly key: string;
  /** Fingerprint of the client id. */
  readonly client: string;
}

/** A hold without the body of its answer, and without the stack that an error would keep. */
interface Hold {
  readonly until: number;
  readonly answer: Omit<OAuthErrorInit, 'relayedBody' | 'retryAfter'>;
}

/** What is remembered of a pair, or of one request of it, that was refused or throttled. */
interface FailureRecord {
  /** When it was refused, the last {@link REFUSALS_ALLOWED} times, oldest first. */
  readonly refusals: readonly number[];
  readonly hold: Hold | undefined;
}

const NO_RECORD: FailureRecord = { refusals: [], hold: undefined };

const MAX_RECORDS = 50_000;
/** Bytes of held answers' bodies, all together. */
const MAX_BODIES_BYTES = 8 * 1024 * 1024;
/** What keeping a body takes besides its text, roughly. */
const BODY_OVERHEAD_BYTES = 256;

/**
 * Keeps failing credential pairs from being banned by the authorization server. A pair is refused at most 4 times in
 * 600 s, whatever it is asked for: refusals stay counted when it works again, and no more requests of a pair are under
 * way at once than may still be refused. After a refusal the pair is held for a while that grows, and its last answer is
 * repeated. A throttled pair (429) is held for as long as the authorization server said.
 */
export class CredentialHolds {
  readonly #records: LRUCache<string, FailureRecord>;
  readonly #bodies = new LRUCache<string, string>({
    maxSize: MAX_BODIES_BYTES,
    sizeCalculation: (body) => 2 * body.length + BODY_OVERHEAD_BYTES,
  });
  /** When a pair last got a token. */
  readonly #workedAt: LRUCache<string, number>;
  readonly #queue = new ForwardQueue();

  constructor(
    private readonly clock: Clock,
    private readonly observe: AuthorityObserver,
    maxRecords = MAX_RECORDS,
  ) {
    this.#records = new LRUCache({ max: maxRecords });
    this.#workedAt = new LRUCache({ max: maxRecords });
  }

  /** How many pairs and requests are held at the moment; for metrics. */
  get held(): number {
    const now = this.clock();
    let held = 0;
    for (const record of this.#records.values()) if (heldUntil(record, now) > now) held += 1;
    return held;
  }

  /**
   * Forwards a request, unless its pair, or this very request of the pair, is held, here or at another instance. Waits
   * while as many of the pair's requests are under way as may still be refused.
   *
   * @throws OAuthError the held answer with the `Retry-After` that remains, or whatever `send` throws.
   */
  async forward<T>(request: HeldRequest, send: () => Promise<T>, shared?: SharedForward): Promise<T> {
    this.#refuseWhileHeld(request);
    await this.#enterQueue(request.pair);
    try {
      // The requests before it may have been refused.
      this.#refuseWhileHeld(request);
      const elsewhere = shared === undefined ? undefined : await this.#admit(request, shared);
      return await this.#sendAndJudge(request, send, elsewhere, shared);
    } finally {
      this.#queue.leave(request.pair, this.#places(request.pair));
    }
  }

  /** Whether a forward would be answered from a hold that is known here. */
  isHeld({ pair, key }: HeldRequest): boolean {
    const now = this.clock();
    return Math.max(heldUntil(this.#record(pair), now), this.#requestHeldUntil(pair, key, now)) > now;
  }

  #enterQueue(pair: string): Promise<void> | undefined {
    const place = this.#queue.enter(pair, this.#places(pair));
    if (place === undefined) {
      this.observe({ type: 'not_forwarded', reason: 'too_many_waiting' });
      throw temporarilyUnavailable('Too many requests of these credentials are waiting', 1);
    }
    return place === true ? undefined : place;
  }

  /** How many requests of the pair may be under way. One that is not known to work is tried by one request at a time. */
  #places(pair: string): number {
    const now = this.clock();
    const record = this.#record(pair);
    // Those who wait are to hear of the hold.
    if (heldUntil(record, now) > now) return Infinity;
    const workedAt = this.#workedAt.get(pair);
    const works = workedAt !== undefined && now - workedAt < REFUSAL_COUNTS_MS;
    return works ? REFUSALS_ALLOWED - recentRefusals(record, now).length : 1;
  }

  #refuseWhileHeld({ pair, key, client }: HeldRequest): void {
    const now = this.clock();
    this.#repeatAnswer(key, this.#requestHeldUntil(pair, key, now), client);
    this.#repeatAnswer(pair, heldUntil(this.#record(pair), now), client);
  }

  #repeatAnswer(held: string, until: number, client: string): void {
    const remaining = until - this.clock();
    if (remaining <= 0) return;
    const retryAfter = Math.ceil(remaining / 1000);
    const answer = this.#record(held).hold?.answer;
    this.observe({ type: 'answered_from_hold', reason: answer?.status === 429 ? 'throttled' : 'refused', client });
    // Without an answer of its own it was this pair's other requests that were refused too often.
    if (answer === undefined) throw refusedTooOften(retryAfter);
    throw new OAuthError({ ...answer, relayedBody: this.#bodies.get(held), retryAfter });
  }

  #record(held: string): FailureRecord {
    return this.#records.get(held) ?? NO_RECORD;
  }

  #requestHeldUntil(pair: string, key: string, now: number): number {
    const request = this.#record(key);
    const until = heldUntil(request, now);
    if (recentRefusals(request, now).length === 0) return until;
    return Math.max(until, countUntil(this.#record(pair), REFUSALS_ALLOWED_TO_ONE_REQUEST, now));
  }

  /** @throws OAuthError the answer of a hold that another instance began. */
  async #admit(request: HeldRequest, shared: SharedForward): Promise<SharedCount | undefined> {
    const now = this.clock();
    const refusedBefore = recentRefusals(this.#record(request.key), now).length > 0;
    const verdict = await shared.admit(refusedBefore ? REFUSALS_ALLOWED_TO_ONE_REQUEST : REFUSALS_ALLOWED);
    if (verdict === undefined || 'refusals' in verdict) return verdict;
    const { of, answer, lifeMs } = verdict;
    const held = of === 'pair' ? request.pair : request.key;
    const until = this.clock() + Math.max(1, lifeMs);
    if (of === 'request') this.#addRefusal(held, this.clock());
    this.#setHold(held, until, answer ?? refusedTooOften(1));
    this.#repeatAnswer(held, until, request.client);
    return undefined;
  }

  async #sendAndJudge<T>(
    request: HeldRequest,
    send: () => Promise<T>,
    elsewhere: SharedCount | undefined,
    shared: SharedForward | undefined,
  ): Promise<T> {
    try {
      const result = await send();
      this.#workedAt.set(request.pair, this.clock());
      this.#records.delete(request.key);
      shared?.release();
      return result;
    } catch (error) {
      if (error instanceof OAuthError) this.#judge(request, error, elsewhere, shared);
      else shared?.release();
      throw error;
    }
  }

  #judge(request: HeldRequest, answer: OAuthError, elsewhere: SharedCount | undefined, shared?: SharedForward): void {
    const { pair, key, client } = request;
    const now = this.clock();
    if (answer.status === 429) {
      const holdMs = (answer.retryAfter ?? 0) * 1000;
      this.#hold(pair, now + holdMs, answer, client);
      shared?.throttled(answer, holdMs);
    } else if (!isRefusal(answer)) {
      shared?.release();
    } else if (isAboutRequest(answer)) {
      this.#addRefusal(pair, now);
      this.#addRefusal(key, now);
      const holdMs = growingHoldMs(recentRefusals(this.#record(key), now).length);
      this.#hold(key, now + holdMs, answer, client);
      shared?.refused('request', answer, holdMs);
    } else {
      this.#workedAt.delete(pair);
      this.#addRefusal(pair, now);
      const refusals = Math.max(recentRefusals(this.#record(pair), now).length, (elsewhere?.refusals ?? 0) + 1);
      const growingMs = growingHoldMs(refusals);
      const holdMs = refusals < REFUSALS_ALLOWED ? growingMs : Math.max(growingMs, elsewhere?.firstCountsMs ?? 0);
      this.#hold(pair, now + holdMs, answer, client);
      shared?.refused('pair', answer, holdMs);
    }
  }

  #addRefusal(held: string, now: number): void {
    const { refusals, hold } = this.#record(held);
    this.#records.set(held, { refusals: [...refusals, now].slice(-REFUSALS_ALLOWED), hold });
  }

  #hold(held: string, until: number, answer: OAuthError, client: string): void {
    this.#setHold(held, until, answer);
    const now = this.clock();
    const seconds = Math.ceil(Math.round(heldUntil(this.#record(held), now) - now) / 1000);
    this.observe({ type: 'held', reason: answer.status === 429 ? 'throttled' : 'refused', seconds, client });
  }

  /** Of two holds the longer one stays. */
  #setHold(held: string, until: number, { error, status, description, body }: OAuthError): void {
    const { refusals, hold } = this.#record(held);
    if (hold !== undefined && hold.until >= until) return;
    this.#records.set(held, { refusals, hold: { until, answer: { error, status, description } } });
    if (body.length <= MAX_HELD_BODY_LENGTH) this.#bodies.set(held, body);
    else this.#bodies.delete(held);
  }
}

function heldUntil(record: FailureRecord, now: number): number {
  return Math.max(record.hold?.until ?? -Infinity, countUntil(record, REFUSALS_ALLOWED, now));
}

/** Until when so many refusals count, if that many do now. */
function countUntil(record: FailureRecord, refusals: number, now: number): number {
  const first = recentRefusals(record, now).at(-refusals);
  return first === undefined ? -Infinity : first + REFUSAL_COUNTS_MS;
}

function recentRefusals({ refusals }: FailureRecord, now: number): readonly number[] {
  return refusals.length === 0 ? refusals : refusals.filter((time) => now - time < REFUSAL_COUNTS_MS);
}

function refusedTooOften(retryAfter: number): OAuthError {
  return tooManyRequests('These credentials were refused too often', retryAfter);
}

/** Errors of a request whose credentials may well be right (RFC 6749 §5.2, RFC 8707 §2). */
const ABOUT_REQUEST = new Set(['invalid_scope', 'invalid_request', 'unsupported_grant_type', 'invalid_target']);

/** Whether the authorization server refused this request, and not the pair. */
export function isAboutRequest(error: OAuthError): boolean {
  return isRefusal(error) && ABOUT_REQUEST.has(error.error);
}

/** Whether the authorization server counts this answer as a failure of the pair. */
export function isRefusal(error: OAuthError): boolean {
  return error.status >= 400 && error.status < 500 && error.status !== 429;
}
