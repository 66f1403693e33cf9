/** A place among those whose requests are under way; give it back when done. */
export type Place = () => void;

/** Why no place could be had. */
export type NoPlace = 'too_many_waiting' | 'timeout';

interface Waiter {
  readonly take: (place: Place) => void;
  readonly timer: NodeJS.Timeout;
}

/** Lets a bounded number of requests out at a time and a bounded number wait, none longer than its own deadline. */
export class WaitingLine {
  #underWay = 0;
  readonly #waiters = new Set<Waiter>();

  constructor(
    private readonly capacity: number,
    private readonly maxWaiting: number,
  ) {}

  /** Resolves to a place, at once where there is one. */
  enter(timeoutMs: number): Place | NoPlace | Promise<Place | NoPlace> {
    if (this.#underWay < this.capacity) return this.#place();
    if (this.#waiters.size >= this.maxWaiting) return 'too_many_waiting';
    return new Promise((resolve) => {
      const waiter: Waiter = {
        take: resolve,
        timer: setTimeout(() => {
          this.#waiters.delete(waiter);
          resolve('timeout');
        }, timeoutMs),
      };
      this.#waiters.add(waiter);
    });
  }

  #place(): Place {
    this.#underWay += 1;
    return () => {
      this.#underWay -= 1;
      this.#callNext();
    };
  }

  #callNext(): void {
    const [next] = this.#waiters;
    if (next === undefined) return;
    this.#waiters.delete(next);
    clearTimeout(next.timer);
    next.take(this.#place());
  }
}
