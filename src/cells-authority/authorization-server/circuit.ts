import { type Clock } from '../clock.js';

/** Whether requests are let through: all, none, or a single one that tries. */
export type CircuitState = 'closed' | 'open' | 'half_open';

/** The sender of a failed request. */
export interface Witness {
  /** Stands for the credential pair. */
  readonly pair: string;
  /** Stands for where the request came from. */
  readonly origin: string;
}

/** Failures in a row, without any answer between them. */
const FAILURES_TO_OPEN = 5;
/** A burst that fails together, as when a load balancer restarts, is one event and not a dead upstream. */
const STREAK_TO_OPEN_MS = 1000;
/** A request that makes the authorization server fail says nothing about the requests of other clients. */
const PAIRS_TO_OPEN = 3;
/** Once this many origins have failed, the circuit opens for all others, too. */
const ORIGINS_TO_OPEN_FOR_ALL = 3;
const OPEN_MS = 5000;

/**
 * Spares a dead authorization server, and the clients' time: opens after 5 failures in a row that span a second or more,
 * then lets one request try every 5 seconds. While that one is under way the others are still refused at once.
 *
 * A connection that cannot be made fails for everybody. Any other failure may be due to what was sent, which an attacker
 * can choose: those must be of 3 pairs or more, and the circuit opens for the origins that failed, until there are 3.
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

  /** Seconds after which a refused client may come back. */
  get retryAfter(): number {
    return Math.max(1, Math.ceil((this.#openedAt + OPEN_MS - this.clock()) / 1000));
  }

  /** Whether a request from there would be refused now. */
  refuses(origin: string): boolean {
    if (this.#state === 'closed' || !this.#concerns(origin)) return false;
    return this.#state === 'half_open' || this.clock() - this.#openedAt < OPEN_MS;
  }

  /** Whether one more request may go out now; `true` must be followed by one of the methods below. */
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
    // Also when the request was sent before the circuit opened: the authorization server answers.
    if (this.#state !== 'closed') this.#change('closed');
  }

  /** The request was sent, and no answer, or a 5xx, came of it. */
  failed({ pair, origin }: Witness): void {
    if (this.#pairs.size < PAIRS_TO_OPEN) this.#pairs.add(pair);
    if (this.#origins.size < ORIGINS_TO_OPEN_FOR_ALL) this.#origins.add(origin);
    this.#countFailure();
  }

  /** No connection could be made: nothing was sent. */
  unreachable(): void {
    this.#unreachable += 1;
    this.#countFailure();
  }

  /** The request ended without showing whether the authorization server is well. */
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
    return this.#unreachable > 0 || this.#origins.size >= ORIGINS_TO_OPEN_FOR_ALL || this.#origins.has(origin);
  }

  #change(state: CircuitState): void {
    this.#state = state;
    this.onChange(state);
  }
}
