import { LRUCache } from 'lru-cache';
import { type AuthorityObserver } from '../authority-observer.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { type Admission, type HoldsElsewhere } from '../shared-store/shared-holds.js';

const WINDOW_MS = 600_000;
/** Aspose bans a pair at its 6th failure in 10 minutes; what a client fails elsewhere counts there, too. */
const FORWARDS_IN_WINDOW = 4;
const GROWING_HOLDS_MS = [5000, 30_000, 120_000, 300_000];
const MAX_STATES = 50_000;

/** A request as far as holds go. */
export interface HeldRequest {
  /** Stands for the credential pair. */
  readonly pair: string;
  /** Stands for the pair with its scope. */
  readonly key: string;
  /** Fingerprint of the client id. */
  readonly client: string;
}

interface HoldState {
  /** When it was last refused, at most {@link FORWARDS_IN_WINDOW} times, oldest first. */
  readonly refusals: readonly number[];
  readonly hold: { readonly until: number; readonly answer: OAuthError } | undefined;
}

const PROVEN: HoldState = { refusals: [], hold: undefined };

/**
 * Keeps failing credential pairs from being banned by the authorization server: a refused pair is forwarded at most
 * 4 times in 600 s, with growing holds between; meanwhile its last answer is repeated. A throttled pair (429) is held
 * for as long as the authorization server said. A pair that is not known to work is tried by one request at a time.
 */
export class CredentialHolds {
  readonly #states: LRUCache<string, HoldState>;
  readonly #trials = new Map<string, Promise<unknown>>();

  constructor(
    private readonly clock: Clock,
    private readonly observe: AuthorityObserver,
    maxStates = MAX_STATES,
  ) {
    this.#states = new LRUCache({ max: maxStates });
  }

  /** How many pairs and requests are held at the moment; for metrics. */
  get held(): number {
    const now = this.clock();
    let held = 0;
    for (const { hold } of this.#states.values()) if (hold !== undefined && hold.until > now) held += 1;
    return held;
  }

  /**
   * Forwards a request, unless its pair, or this very request of the pair, is held, here or at another instance.
   *
   * @throws OAuthError the held answer with the `Retry-After` that remains, or whatever `send` throws.
   */
  async forward<T>(request: HeldRequest, send: () => Promise<T>, elsewhere?: HoldsElsewhere): Promise<T> {
    this.#refuseWhileHeld(request.pair, request.client);
    this.#refuseWhileHeld(request.key, request.client);
    if (this.#states.get(request.pair) === PROVEN) return await this.#sendAndJudge(request, send, elsewhere);
    const trial = this.#trials.get(request.pair);
    if (trial !== undefined) {
      await trial.catch(rethrowUnlessAboutRequest);
      return this.forward(request, send, elsewhere);
    }
    const own = this.#sendAndJudge(request, send, elsewhere).finally(() => this.#trials.delete(request.pair));
    this.#trials.set(request.pair, own);
    return own;
  }

  #refuseWhileHeld(held: string, client: string): void {
    const hold = this.#states.get(held)?.hold;
    if (hold === undefined) return;
    const remaining = hold.until - this.clock();
    if (remaining <= 0) return;
    this.observe({ type: 'answered_from_hold', reason: reasonOf(hold.answer), client });
    throw hold.answer.with({ retryAfter: Math.ceil(remaining / 1000) });
  }

  /** Whether a forward would be answered from a hold that is known here. */
  isHeld({ pair, key }: HeldRequest): boolean {
    const now = this.clock();
    return [pair, key].some((held) => (this.#states.get(held)?.hold?.until ?? -Infinity) > now);
  }

  async #sendAndJudge<T>(request: HeldRequest, send: () => Promise<T>, elsewhere?: HoldsElsewhere): Promise<T> {
    const admission = elsewhere === undefined ? undefined : await this.#admit(request, elsewhere);
    try {
      const result = await send();
      if (this.#states.get(request.pair) !== PROVEN) this.#states.set(request.pair, PROVEN);
      this.#states.delete(request.key);
      elsewhere?.proven();
      return result;
    } catch (error) {
      if (error instanceof OAuthError) this.#holdFor(request, error, admission, elsewhere);
      else elsewhere?.undecided();
      throw error;
    }
  }

  /** @throws OAuthError the answer of a hold that another instance began. */
  async #admit(request: HeldRequest, elsewhere: HoldsElsewhere): Promise<Admission | undefined> {
    const verdict = await elsewhere.admit();
    if (verdict === undefined || !('answer' in verdict)) return verdict;
    const held = verdict.held === 'pair' ? request.pair : request.key;
    const refusals = this.#states.get(held)?.refusals ?? [];
    this.#states.set(held, { refusals, hold: { until: this.clock() + verdict.lifeMs, answer: verdict.answer } });
    this.#refuseWhileHeld(held, request.client);
    return undefined;
  }

  #holdFor(
    { pair, key, client }: HeldRequest,
    answer: OAuthError,
    admission: Admission | undefined,
    elsewhere: HoldsElsewhere | undefined,
  ): void {
    if (answer.status === 429) {
      const holdMs = this.#hold(pair, client, answer, []);
      elsewhere?.hold('pair', answer, holdMs, false);
    } else if (isAboutRequest(answer)) {
      elsewhere?.undecided();
      const holdMs = this.#hold(key, client, answer, [this.clock()]);
      elsewhere?.hold('request', answer, holdMs, false);
    } else if (isRefusal(answer)) {
      const holdMs = this.#hold(pair, client, answer, [this.clock()], admission);
      elsewhere?.hold('pair', answer, holdMs, true);
    } else {
      elsewhere?.undecided();
    }
  }

  /** Returns the milliseconds of the hold. */
  #hold(held: string, client: string, answer: OAuthError, refused: readonly number[], admission?: Admission): number {
    const now = this.clock();
    const refusals = [...(this.#states.get(held)?.refusals ?? []), ...refused].slice(-FORWARDS_IN_WINDOW);
    const known = refused.length > 0 ? endOfRefusalHold(refusals, now) : now + (answer.retryAfter ?? 0) * 1000;
    const until = admission === undefined ? known : Math.max(known, now + holdAfter(admission));
    this.#states.set(held, { refusals, hold: { until, answer } });
    this.observe({
      type: 'held',
      reason: reasonOf(answer),
      seconds: Math.ceil(Math.round(until - now) / 1000),
      client,
    });
    return until - now;
  }
}

/** Grows with the refusals of the last 10 minutes, and never lets a fifth one into any such span. */
function endOfRefusalHold(refusals: readonly number[], now: number): number {
  const recent = refusals.filter((time) => now - time < WINDOW_MS).length;
  const growing = now + (GROWING_HOLDS_MS[recent - 1] ?? WINDOW_MS);
  const oldest = refusals.length === FORWARDS_IN_WINDOW ? refusals[0] : undefined;
  return oldest === undefined ? growing : Math.max(growing, oldest + WINDOW_MS);
}

/** Grows with what all instances were refused, as {@link endOfRefusalHold} does with this one's refusals. */
function holdAfter({ earlier, firstLapsesMs }: Admission): number {
  const growing = GROWING_HOLDS_MS[earlier] ?? WINDOW_MS;
  return earlier + 1 < FORWARDS_IN_WINDOW ? growing : Math.max(growing, firstLapsesMs);
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

/** The failure of a trial is everybody's, except when only that one request was wrong. */
function rethrowUnlessAboutRequest(error: unknown): void {
  if (!(error instanceof OAuthError && isAboutRequest(error))) throw error;
}

function reasonOf(answer: OAuthError): 'refused' | 'throttled' {
  return answer.status === 429 ? 'throttled' : 'refused';
}
