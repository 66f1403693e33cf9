import { type Clock } from '../clock.js';

/** Which requests are let through: all, none, or a single trial. */
export type CircuitState = 'closed' | 'open' | 'half_open';

/** The sender of a failed request. */
export interface Witness {
  /** Key of the credential pair. */
  readonly pair: string;
  /** The client's network, or the application itself. */
  readonly origin: string;
}

/** Failures in a row, without an answer in between. */
const FAILURES_TO_OPEN = 5;
/** Requests that fail all at once, say because a load balancer restarts, do not make a dead upstream. */
const STREAK_TO_OPEN_MS = 1000;
/** One client's request may be what makes the authorization server fail; other clients' requests may be fine. */
const PAIRS_TO_OPEN = 3;
/** When this many origins have failed, the circuit opens for all others, too. */
const ORIGINS_TO_OPEN_FOR_ALL = 3;
/** One failed connection among the failures of one origin can be chance. */
const UNREACHABLE_TO_OPEN_FOR_ALL = 3;
const OPEN_MS = 5000;

/**
 * Spares a dead authorization server, and saves clients the wait: opens after 5 failures in a row over a second or
 * more, then lets one trial request through every 5 seconds. Until a trial succeeds, all others are refused at once.
 *
 * If no connection can be made, three times in a streak of failures, that concerns everybody. Any other failure may be
 * caused by the request, which an attacker can choose. So those must come from 3 pairs or more, and the circuit opens
 * only for the origins that failed, unless these are 3 or more.
 */
export class Circuit {
  #state: CircuitState = 'closed';
  #failures = 0;
  #streakSince = 0;
  #openedAt = 0;
  #unreachable = 0;
  readonly #pairs = new Set<string>();
  readonly #origins = new Set<string>();

  constructor(
    private readonly clock: Clock,
    private readonly onChange: (state: CircuitState) => void,
  ) {}

  get state(): CircuitState {
    return this.#state;
  }

  /** Seconds after which a refused client may try again. */
  get retryAfter(): number {
    return Math.max(1, Math.ceil((this.#openedAt + OPEN_MS - this.clock()) / 1000));
  }

  /** Whether a request from this origin would be refused now. */
  refuses(origin: string): boolean {
    if (this.#state === 'closed' || !this.#concerns(origin)) return false;
    return this.#state === 'half_open' || this.clock() - this.#openedAt < OPEN_MS;
  }

  /** Whether one more request may go out now. After `true`, one of the methods below must be called. */
  admit(origin: string): boolean {
    if (this.refuses(origin)) return false;
    if (this.#state === 'open' && this.#concerns(origin)) this.#change('half_open');
    return true;
  }

  /** The authorization server answered. */
  succeeded(): void {
    this.#failures = 0;
    this.#unreachable = 0;
    this.#pairs.clear();
    this.#origins.clear();
    // Even if the request was sent before the circuit opened: the authorization server does answer.
    if (this.#state !== 'closed') this.#change('closed');
  }

  /** The request was sent and got no answer, or a 5xx. */
  failed({ pair, origin }: Witness): void {
    if (this.#pairs.size < PAIRS_TO_OPEN) this.#pairs.add(pair);
    if (this.#origins.size < ORIGINS_TO_OPEN_FOR_ALL) this.#origins.add(origin);
    this.#countFailure();
  }

  /** No connection could be made, so nothing was sent. */
  unreachable(): void {
    this.#unreachable += 1;
    this.#countFailure();
  }

  /** The request ended without showing whether the authorization server works. */
  undecided(): void {
    if (this.#state === 'half_open') this.#change('open');
  }

  #countFailure(): void {
    const now = this.clock();
    if (this.#failures === 0) this.#streakSince = now;
    this.#failures += 1;
    const lasts = this.#failures >= FAILURES_TO_OPEN && now - this.#streakSince >= STREAK_TO_OPEN_MS;
    const isNoSingleRequest = this.#unreachable + this.#pairs.size >= PAIRS_TO_OPEN;
    if (this.#state === 'half_open' || (this.#state === 'closed' && lasts && isNoSingleRequest)) {
      this.#openedAt = now;
      this.#change('open');
    }
  }

  /** Whether the circuit applies to requests from this origin. */
  #concerns(origin: string): boolean {
    return (
      this.#unreachable >= UNREACHABLE_TO_OPEN_FOR_ALL ||
      this.#origins.size >= ORIGINS_TO_OPEN_FOR_ALL ||
      this.#origins.has(origin)
    );
  }

  #change(state: CircuitState): void {
    this.#state = state;
    this.onChange(state);
  }
}
