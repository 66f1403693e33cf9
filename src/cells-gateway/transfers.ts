import { type Transfer } from './transfer.js';

/**
 * The transfers under way. A `Set` would do, but V8 would often keep the objects of transfers that have ended until its
 * next full collection (docs/decisions.md).
 */
export class Transfers implements Iterable<Transfer> {
  readonly #underWay: Transfer[] = [];

  get size(): number {
    return this.#underWay.length;
  }

  add(transfer: Transfer): void {
    transfer.place = this.#underWay.push(transfer) - 1;
  }

  /** Gives its place to the last one. */
  delete({ place }: Transfer): void {
    const last = this.#underWay.pop();
    if (last === undefined || last.place === place) return;
    last.place = place;
    this.#underWay[place] = last;
  }

  /** Goes through a copy, so that transfers may end meanwhile. */
  [Symbol.iterator](): Iterator<Transfer> {
    return [...this.#underWay][Symbol.iterator]();
  }
}
