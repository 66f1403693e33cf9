/** Permission to send a request. Call it when the request has ended. */
export type Place = () => void;

/** Why there is no place. `turned_away`: the whole line was refused. */
export type NoPlace = 'too_many_waiting' | 'waited_too_long' | 'turned_away';

interface Waiter {
  readonly resolve: (place: Place | NoPlace) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Limits how many requests run at once and how many wait, none longer than its own time. Origins take turns, and when
 * the line is full, the origin with the most waiting requests gives one up. So a client that sends a thousand requests
 * at once delays itself and not everybody else.
 */
export class WaitingLine {
  #underWay = 0;
  #waiting = 0;
  /** The first origin is served next. Origins without waiters are not listed. */
  readonly #origins = new Map<string, Set<Waiter>>();

  constructor(
    private readonly capacity: number,
    private readonly maxWaiting: number,
  ) {}

  /** Waiting requests at the moment; for metrics. */
  get waiting(): number {
    return this.#waiting;
  }

  /** A place, returned at once if one is free, or the reason why there is none. */
  enter(origin: string, timeoutMs: number): Place | NoPlace | Promise<Place | NoPlace> {
    if (this.#underWay < this.capacity) return this.#place();
    if (timeoutMs <= 0) return 'waited_too_long';
    const own = this.#origins.get(origin) ?? new Set<Waiter>();
    if (this.#waiting >= this.maxWaiting && !this.#makeRoom(own.size)) return 'too_many_waiting';
    return new Promise((resolve) => {
      const waiter: Waiter = {
        resolve,
        timer: setTimeout(() => {
          this.#remove(origin, own, waiter);
          resolve('waited_too_long');
        }, timeoutMs),
      };
      own.add(waiter);
      this.#origins.set(origin, own);
      this.#waiting += 1;
    });
  }

  /** Turns away all waiters of refused origins. */
  turnAway(isRefused: (origin: string) => boolean): void {
    for (const [origin, waiters] of [...this.#origins]) {
      if (!isRefused(origin)) continue;
      for (const waiter of waiters) {
        this.#remove(origin, waiters, waiter);
        waiter.resolve('turned_away');
      }
    }
  }

  /** Turns away the newest waiter of the origin with the most, if it has two or more beyond the origin that asks. */
  #makeRoom(forMoreThan: number): boolean {
    let longest: [origin: string, waiters: Set<Waiter>] | undefined;
    for (const entry of this.#origins) if (entry[1].size > (longest?.[1].size ?? forMoreThan + 1)) longest = entry;
    const last = longest && [...longest[1]].at(-1);
    if (longest === undefined || last === undefined) return false;
    this.#remove(...longest, last);
    last.resolve('too_many_waiting');
    return true;
  }

  #place(): Place {
    this.#underWay += 1;
    return () => {
      this.#underWay -= 1;
      this.#callNext();
    };
  }

  #callNext(): void {
    const [next] = this.#origins;
    if (next === undefined) return;
    const [origin, waiters] = next;
    const [waiter] = waiters;
    if (waiter === undefined) return;
    this.#remove(origin, waiters, waiter);
    if (waiters.size > 0) {
      // To the end of the line, so that origins take turns.
      this.#origins.delete(origin);
      this.#origins.set(origin, waiters);
    }
    waiter.resolve(this.#place());
  }

  #remove(origin: string, waiters: Set<Waiter>, waiter: Waiter): void {
    clearTimeout(waiter.timer);
    waiters.delete(waiter);
    this.#waiting -= 1;
    if (waiters.size === 0) this.#origins.delete(origin);
  }
}
