import { LRUCache } from 'lru-cache';
import { type Clock } from '../clock.js';
import { OAuthError, type OAuthErrorInit } from '../errors/oauth-error.js';
import { MAX_HELD_BODY_LENGTH, REFUSAL_COUNTS_MS, REFUSALS_ALLOWED } from './refusal-limit.js';

/** A hold without the body of its answer, and without the stack trace that an error would keep. */
interface Hold {
  readonly until: number;
  readonly answer: Omit<OAuthErrorInit, 'relayedBody' | 'retryAfter'>;
}

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
 * Remembers refusals and holds of credential pairs, and of single requests of a pair. All times are the clock's, in
 * milliseconds; a time that is not to come is -Infinity.
 */
export class FailureRecords {
  readonly #records: LRUCache<string, FailureRecord>;
  readonly #bodies = new LRUCache<string, string>({
    maxSize: MAX_BODIES_BYTES,
    sizeCalculation: (body) => 2 * body.length + BODY_OVERHEAD_BYTES,
  });

  constructor(
    private readonly clock: Clock,
    maxRecords = MAX_RECORDS,
  ) {
    this.#records = new LRUCache({ max: maxRecords });
  }

  /** How many pairs and requests are held at the moment. */
  get held(): number {
    const now = this.clock();
    let held = 0;
    for (const record of this.#records.values()) if (heldUntil(record, now) > now) held += 1;
    return held;
  }

  /** When its hold ends: the one that was set, or the one that follows from its refusals. */
  heldUntil(key: string): number {
    return heldUntil(this.#record(key), this.clock());
  }

  /** Until when so many refusals count, if that many do now. */
  countUntil(key: string, refusals: number): number {
    return countUntil(this.#record(key), refusals, this.clock());
  }

  /** Refusals that count. */
  refusals(key: string): number {
    return recentRefusals(this.#record(key), this.clock()).length;
  }

  addRefusal(key: string): void {
    const { refusals, hold } = this.#record(key);
    this.#records.set(key, { refusals: [...refusals, this.clock()].slice(-REFUSALS_ALLOWED), hold });
  }

  /** Of two holds the longer one stays. */
  setHold(key: string, until: number, { error, status, description, body }: OAuthError): void {
    const { refusals, hold } = this.#record(key);
    if (hold !== undefined && hold.until >= until) return;
    this.#records.set(key, { refusals, hold: { until, answer: { error, status, description } } });
    if (body.length <= MAX_HELD_BODY_LENGTH) this.#bodies.set(key, body);
    else this.#bodies.delete(key);
  }

  /** The answer that the last hold repeats. */
  answer(key: string, retryAfter: number): OAuthError | undefined {
    const { hold } = this.#record(key);
    return hold && new OAuthError({ ...hold.answer, relayedBody: this.#bodies.get(key), retryAfter });
  }

  forget(key: string): void {
    this.#records.delete(key);
    this.#bodies.delete(key);
  }

  #record(key: string): FailureRecord {
    return this.#records.get(key) ?? NO_RECORD;
  }
}

function heldUntil(record: FailureRecord, now: number): number {
  return Math.max(record.hold?.until ?? -Infinity, countUntil(record, REFUSALS_ALLOWED, now));
}

function countUntil(record: FailureRecord, refusals: number, now: number): number {
  const first = recentRefusals(record, now).at(-refusals);
  return first === undefined ? -Infinity : first + REFUSAL_COUNTS_MS;
}

function recentRefusals({ refusals }: FailureRecord, now: number): readonly number[] {
  return refusals.length === 0 ? refusals : refusals.filter((time) => now - time < REFUSAL_COUNTS_MS);
}
