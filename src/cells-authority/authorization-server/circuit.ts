import { type Clock } from '../clock.js';

/** Whether requests are let through: all, none, or a single one that tries. */
export type CircuitState = 'closed' | 'open' | 'half_open';

const FAILURES_TO_OPEN = 5;
/** A burst that fails together, as when a load balancer restarts, is one event and not a dead upstream. */
const STREAK_TO_OPEN_MS = 1000;
const OPEN_MS = 5000;

/**
 * Spares a dead authorization server, and the clients' time: opens after 5 failures in a row that span a second or
 * more, then lets one request try every 5 seconds. While that one is under way the others are still refused at once.
 */
export class Circuit {
  #state: CircuitState = 'closed';
  #failures = 0;
  #streakSince = 0;
  #openedAt = 0;

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

  /** Whether one more request may go out now; a `true` must be followed by `succeeded` or `failed`. */
  admit(): boolean {
    if (this.#state === 'closed') return true;
    if (this.#state === 'half_open' || this.clock() - this.#openedAt < OPEN_MS) return false;
    this.#change('half_open');
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    // Answers of requests that were sent before the circuit opened count as well: upstream is there.
    if (this.#state !== 'closed') this.#change('closed');
  }

  failed(): void {
    const now = this.clock();
    if (this.#failures === 0) this.#streakSince = now;
    this.#failures += 1;
    const dead = this.#failures >= FAILURES_TO_OPEN && now - this.#streakSince >= STREAK_TO_OPEN_MS;
    if (this.#state === 'half_open' || (this.#state === 'closed' && dead)) {
      this.#openedAt = now;
      this.#change('open');
    }
  }

  #change(state: CircuitState): void {
    this.#state = state;
    this.onChange(state);
  }
}
