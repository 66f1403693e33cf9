interface Share {
  bytes: number;
  /** Bytes of each entry, oldest first. */
  readonly entries: Map<string, number>;
}

/** Keeps one credential pair with many scopes from filling the cache. */
export class PairShares {
  readonly #shares = new Map<string, Share>();

  constructor(
    private readonly maxEntries: number,
    private readonly maxBytes: number,
  ) {}

  /** Adds an entry and returns the keys of those that have to go for it. */
  add(pair: string, key: string, bytes: number): string[] {
    const share = this.#shares.get(pair) ?? { bytes: 0, entries: new Map<string, number>() };
    this.#shares.set(pair, share);
    share.entries.set(key, bytes);
    share.bytes += bytes;
    const surplus: string[] = [];
    let left = share.bytes;
    for (const [oldest, size] of share.entries) {
      if (oldest === key || (share.entries.size - surplus.length <= this.maxEntries && left <= this.maxBytes)) break;
      surplus.push(oldest);
      left -= size;
    }
    return surplus;
  }

  remove(pair: string, key: string): void {
    const share = this.#shares.get(pair);
    const bytes = share?.entries.get(key);
    if (share === undefined || bytes === undefined) return;
    share.entries.delete(key);
    share.bytes -= bytes;
    if (share.entries.size === 0) this.#shares.delete(pair);
  }
}
