import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type AuthorityObserver } from '../authority-observer.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { temporarilyUnavailable, tooManyRequests } from '../errors/oauth-errors.js';
import { AUTHORITY_CLOCK, AUTHORITY_OBSERVER } from '../injection-tokens.js';
import { type SharedCount, type SharedForward } from '../shared-store/shared-forward.js';
import { FailureRecords } from './failure-records.js';
import { ForwardQueue } from './forward-queue.js';
import {
  growingHoldMs,
  REFUSAL_COUNTS_MS,
  REFUSALS_ALLOWED,
  REFUSALS_ALLOWED_TO_ONE_REQUEST,
} from './refusal-limit.js';

/** A token request, as far as holds are concerned. */
export interface HeldRequest {
  /** Key of the credential pair. */
  readonly pair: string;
  /** Key of the pair with its scope. */
  readonly key: string;
  /** Fingerprint of the client id. */
  readonly client: string;
}

const MAX_WORKING_PAIRS = 50_000;

/**
 * Keeps failing credential pairs from being banned by the authorization server. A pair is refused at most 4 times in
 * 600 s, for all scopes together: a success does not reset the count, and no more requests of a pair run at once than
 * may still be refused. After each refusal the pair is held, longer each time, and its last answer is repeated. A
 * throttled pair (429) is held for as long as the authorization server said.
 */
@Injectable()
export class CredentialHolds {
  readonly #failures: FailureRecords;
  /** When a pair last got a token. */
  readonly #workedAt = new LRUCache<string, number>({ max: MAX_WORKING_PAIRS });
  readonly #queue = new ForwardQueue();

  constructor(
    @Inject(AUTHORITY_CLOCK) private readonly clock: Clock,
    @Inject(AUTHORITY_OBSERVER) private readonly observe: AuthorityObserver,
  ) {
    this.#failures = new FailureRecords(clock);
  }

  /** Pairs and requests held at the moment; for metrics. */
  get held(): number {
    return this.#failures.held;
  }

  /**
   * Forwards a request, unless its pair or this particular request is held, here or on another instance. Waits while as
   * many requests of the pair are running as may still be refused.
   *
   * @throws OAuthError the held answer with the remaining `Retry-After`, or whatever `send` throws.
   */
  async forward<T>(request: HeldRequest, send: () => Promise<T>, shared?: SharedForward): Promise<T> {
    this.#refuseWhileHeld(request);
    await this.#enterQueue(request.pair);
    try {
      // Requests ahead in the queue may have been refused meanwhile.
      this.#refuseWhileHeld(request);
      const elsewhere = shared === undefined ? undefined : await this.#admit(request, shared);
      return await this.#sendAndJudge(request, send, elsewhere, shared);
    } finally {
      this.#queue.leave(request.pair, this.#places(request.pair));
    }
  }

  /** Whether this instance knows of a hold that would answer the request. */
  isHeld(request: HeldRequest): boolean {
    return Math.max(this.#failures.heldUntil(request.pair), this.#requestHeldUntil(request)) > this.clock();
  }

  #enterQueue(pair: string): Promise<void> | undefined {
    const place = this.#queue.enter(pair, this.#places(pair));
    if (place === undefined) {
      this.observe({ type: 'not_forwarded', reason: 'too_many_waiting' });
      throw temporarilyUnavailable('Too many requests of these credentials are waiting', 1);
    }
    return place === true ? undefined : place;
  }

  /** How many requests of the pair may run at once: just one until the pair is known to work. */
  #places(pair: string): number {
    const now = this.clock();
    // Everybody in the queue gets the held answer.
    if (this.#failures.heldUntil(pair) > now) return Infinity;
    const workedAt = this.#workedAt.get(pair) ?? -Infinity;
    return now - workedAt < REFUSAL_COUNTS_MS ? REFUSALS_ALLOWED - this.#failures.refusals(pair) : 1;
  }

  #refuseWhileHeld(request: HeldRequest): void {
    this.#repeatAnswer(request.key, this.#requestHeldUntil(request), request.client);
    this.#repeatAnswer(request.pair, this.#failures.heldUntil(request.pair), request.client);
  }

  #repeatAnswer(held: string, until: number, client: string): void {
    const remaining = until - this.clock();
    if (remaining <= 0) return;
    const retryAfter = Math.ceil(remaining / 1000);
    // No answer is kept when other requests of the pair used up its refusals.
    const answer = this.#failures.answer(held, retryAfter) ?? refusedTooOften(retryAfter);
    this.observe({ type: 'answered_from_hold', reason: reasonOf(answer), client });
    throw answer;
  }

  #requestHeldUntil({ pair, key }: HeldRequest): number {
    const until = this.#failures.heldUntil(key);
    if (this.#failures.refusals(key) === 0) return until;
    return Math.max(until, this.#failures.countUntil(pair, REFUSALS_ALLOWED_TO_ONE_REQUEST));
  }

  /** @throws OAuthError the answer of a hold that another instance set. */
  async #admit(request: HeldRequest, shared: SharedForward): Promise<SharedCount | undefined> {
    const refusedItself = this.#failures.refusals(request.key) > 0;
    const verdict = await shared.admit(refusedItself ? REFUSALS_ALLOWED_TO_ONE_REQUEST : REFUSALS_ALLOWED);
    if (verdict === undefined || 'refusals' in verdict) return verdict;
    const { of, answer = refusedTooOften(1), lifeMs } = verdict;
    const held = of === 'pair' ? request.pair : request.key;
    if (of === 'request') this.#failures.addRefusal(held);
    const until = this.clock() + Math.max(1, lifeMs);
    this.#failures.setHold(held, until, answer);
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
      this.#failures.forget(request.key);
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
    if (answer.status === 429) {
      const holdMs = (answer.retryAfter ?? 0) * 1000;
      this.#hold(pair, holdMs, answer, client);
      shared?.throttled(answer, holdMs);
    } else if (!isRefusal(answer)) {
      shared?.release();
    } else if (isAboutRequest(answer)) {
      this.#failures.addRefusal(pair);
      this.#failures.addRefusal(key);
      const holdMs = growingHoldMs(this.#failures.refusals(key));
      this.#hold(key, holdMs, answer, client);
      shared?.refused('request', answer, holdMs);
    } else {
      this.#workedAt.delete(pair);
      this.#failures.addRefusal(pair);
      const refusals = Math.max(this.#failures.refusals(pair), (elsewhere?.refusals ?? 0) + 1);
      const growingMs = growingHoldMs(refusals);
      const holdMs = refusals < REFUSALS_ALLOWED ? growingMs : Math.max(growingMs, elsewhere?.firstCountsMs ?? 0);
      this.#hold(pair, holdMs, answer, client);
      shared?.refused('pair', answer, holdMs);
    }
  }

  #hold(held: string, holdMs: number, answer: OAuthError, client: string): void {
    const now = this.clock();
    this.#failures.setHold(held, now + holdMs, answer);
    const seconds = Math.ceil(Math.round(this.#failures.heldUntil(held) - now) / 1000);
    this.observe({ type: 'held', reason: reasonOf(answer), seconds, client });
  }
}

function reasonOf(answer: OAuthError): 'refused' | 'throttled' {
  return answer.status === 429 ? 'throttled' : 'refused';
}

function refusedTooOften(retryAfter: number): OAuthError {
  return tooManyRequests('These credentials were refused too often', retryAfter);
}

/** Errors about the request; its credentials may well be right (RFC 6749 §5.2, RFC 8707 §2). */
const ABOUT_REQUEST = new Set(['invalid_scope', 'invalid_request', 'unsupported_grant_type', 'invalid_target']);

/** Whether the authorization server refused the request rather than the pair. */
export function isAboutRequest(error: OAuthError): boolean {
  return isRefusal(error) && ABOUT_REQUEST.has(error.error);
}

/** Whether the authorization server counts this answer as a failure of the pair. */
export function isRefusal(error: OAuthError): boolean {
  return error.status >= 400 && error.status < 500 && error.status !== 429;
}
