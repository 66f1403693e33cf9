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
    const sorted = this.#values.subarray(0, this.#count).sort();
    const percentile = (share) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
    return { p50: percentile(0.5), p99: percentile(0.99), max: percentile(1) };
  }
}
