interface Forwards {
  underWay: number;
  readonly waiting: (() => void)[];
}

/** Requests of one pair that wait, at most. */
const MAX_WAITING_OF_PAIR = 1000;
/** Requests of all pairs that wait, at most. */
const MAX_WAITING = 10_000;

/**
 * Lets so many requests of a credential pair out at once, and has the others wait in turn. Nobody waits for longer than
 * the requests before it take, and these end with their deadlines.
 */
export class ForwardQueue {
  readonly #pairs = new Map<string, Forwards>();
  #waiting = 0;

  /**
   * Takes a place among the pair's `places`, or returns a promise of one; `undefined` when too many wait already. To be
   * followed by {@link leave}.
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

  /** Gives a place back. `places` is how many the pair has now; without end when nobody has to wait any more. */
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
