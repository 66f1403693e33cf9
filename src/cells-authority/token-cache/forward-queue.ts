interface Forwards {
  underWay: number;
  readonly waiting: (() => void)[];
}

/** Waiting requests of one pair, at most. */
const MAX_WAITING_OF_PAIR = 1000;
/** Waiting requests of all pairs, at most. */
const MAX_WAITING = 10_000;

/**
 * Limits how many requests of a credential pair run at once; the others wait in order. The wait is bounded because
 * every running request has a deadline.
 */
export class ForwardQueue {
  readonly #pairs = new Map<string, Forwards>();
  #waiting = 0;

  /**
   * Takes one of the pair's `places`, or returns a promise of one; `undefined` when too many are waiting already. Call
   * {@link leave} afterwards.
   */
  enter(pair: string, places: number): true | Promise<void> | undefined {
    const forwards = this.#pairs.get(pair);
    if (forwards === undefined) {
      this.#pairs.set(pair, { underWay: 1, waiting: [] });
      return true;
    }
    if (forwards.underWay < places) {
      forwards.underWay += 1;
      return true;
    }
    if (forwards.waiting.length >= MAX_WAITING_OF_PAIR || this.#waiting >= MAX_WAITING) return undefined;
    this.#waiting += 1;
    return new Promise((resolve) => forwards.waiting.push(resolve));
  }

  /** Gives a place back. `places` is how many the pair has now; `Infinity` lets everybody go. */
  leave(pair: string, places: number): void {
    const forwards = this.#pairs.get(pair);
    if (forwards === undefined) return;
    forwards.underWay -= 1;
    while (forwards.underWay < places) {
      const next = forwards.waiting.shift();
      if (next === undefined) break;
      this.#waiting -= 1;
      forwards.underWay += 1;
      next();
    }
    if (forwards.underWay === 0) this.#pairs.delete(pair);
  }
}
