/** Latencies in milliseconds, and their percentiles. */
export class Latencies {
  #values;
  #count = 0;

  constructor(capacity) {
    this.#values = new Float64Array(capacity);
  }

  add(milliseconds) {
    this.#values[this.#count] = milliseconds;
    this.#count += 1;
  }

  summary() {
    const sorted = this.#values.slice(0, this.#count).sort();
    return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: percentile(sorted, 1) };
  }

  /** The 99th percentile of each group of `count`, in order of arrival. */
  p99OfEvery(count) {
    const slices = Math.floor(this.#count / count);
    return Array.from({ length: slices }, (_, n) =>
      percentile(this.#values.slice(n * count, (n + 1) * count).sort(), 0.99),
    );
  }
}

function percentile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}
