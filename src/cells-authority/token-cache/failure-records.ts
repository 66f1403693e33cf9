import { LRUCache } from 'lru-cache';
import { type Clock } from '../clock.js';
import { OAuthError, type OAuthErrorInit } from '../errors/oauth-error.js';
import { MAX_HELD_BODY_LENGTH, REFUSAL_COUNTS_MS, REFUSALS_ALLOWED } from './refusal-limit.js';

/** The answer's body is kept apart, and no error object is kept: it would hold a stack trace. */
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
/** Bytes for the bodies of all held answers. */
const MAX_BODIES_BYTES = 8 * 1024 * 1024;
/** Roughly what a kept body takes beside its text. */
const BODY_OVERHEAD_BYTES = 256;

/**
 * Remembers refusals and holds of credential pairs and of single requests. All times are in milliseconds on the clock;
 * -Infinity stands for "not held".
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

  /** Pairs and requests held at the moment. */
  get held(): number {
    const now = this.clock();
    let held = 0;
    for (const record of this.#records.values()) if (heldUntil(record, now) > now) held += 1;
    return held;
  }

  /** When its hold ends, be it one that was set or one that follows from too many refusals. */
  heldUntil(key: string): number {
    return heldUntil(this.#record(key), this.clock());
  }

  /** When the number of counted refusals drops below this many, if it is that high now. */
  countUntil(key: string, refusals: number): number {
    return countUntil(this.#record(key), refusals, this.clock());
  }

  /** Refusals that still count. */
  refusals(key: string): number {
    return recentRefusals(this.#record(key), this.clock()).length;
  }

  addRefusal(key: string): void {
    const { refusals, hold } = this.#record(key);
    this.#records.set(key, { refusals: [...refusals, this.clock()].slice(-REFUSALS_ALLOWED), hold });
  }

  /** A shorter hold does not replace a longer one. */
  setHold(key: string, until: number, { error, status, description, body }: OAuthError): void {
    const { refusals, hold } = this.#record(key);
    if (hold !== undefined && hold.until >= until) return;
    this.#records.set(key, { refusals, hold: { until, answer: { error, status, description } } });
    if (body.length <= MAX_HELD_BODY_LENGTH) this.#bodies.set(key, body);
    else this.#bodies.delete(key);
  }

  /** The answer to repeat. */
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
