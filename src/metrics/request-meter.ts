import { Counter, Histogram, type Registry } from 'prom-client';
import {
  REQUEST_FORMS,
  REQUEST_OUTCOMES,
  REQUEST_PATHS,
  type RequestForm,
  type RequestOutcome,
} from './request-labels.js';

/** Seconds; a kept token takes well under a millisecond, and nothing may take longer than the upstream budget. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BUCKETS_MS = BUCKETS.map((seconds) => seconds * 1000);

const FORM_INDEXES = indexes(REQUEST_FORMS);
const OUTCOME_INDEXES = indexes(REQUEST_OUTCOMES);

/**
 * Counts the requests and their durations in plain numbers: looking labels up by their text, as metrics libraries do,
 * would cost as much as answering with a kept token. The numbers become metrics when somebody asks for them.
 */
export class RequestMeter {
  readonly #counts = new Float64Array(REQUEST_PATHS.length * REQUEST_FORMS.length * REQUEST_OUTCOMES.length);
  readonly #buckets = new Float64Array(REQUEST_PATHS.length * (BUCKETS.length + 1));
  readonly #sums = new Float64Array(REQUEST_PATHS.length);

  /** Takes note of a request that has been answered; `path` is its place in `REQUEST_PATHS`. */
  requestCompleted(path: number, form: RequestForm, outcome: RequestOutcome, durationMs: number): void {
    const count = countIndex(path, FORM_INDEXES[form], OUTCOME_INDEXES[outcome]);
    this.#counts[count] = (this.#counts[count] ?? 0) + 1;
    let bucket = 0;
    while (bucket < BUCKETS_MS.length && durationMs > (BUCKETS_MS[bucket] ?? Infinity)) bucket += 1;
    const index = path * (BUCKETS.length + 1) + bucket;
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    this.#sums[path] = (this.#sums[path] ?? 0) + durationMs / 1000;
  }

  /** Makes the metrics of the requests. */
  register(registry: Registry): void {
    const counts = this.#counts;
    new Counter({
      name: 'cells_authority_requests_total',
      help: 'Requests answered, by path, where the credentials were, and outcome',
      labelNames: ['path', 'credential_form', 'outcome'],
      registers: [registry],
      collect() {
        this.reset();
        forEachCount(counts, (labels, count) => {
          this.inc(labels, count);
        });
      },
    });
    registry.registerMetric(new DurationHistogram(this.#buckets, this.#sums));
  }
}

type Labels = Record<'path' | 'credential_form' | 'outcome', string>;

function forEachCount(counts: Float64Array, tell: (labels: Labels, count: number) => void): void {
  for (const [p, path] of REQUEST_PATHS.entries()) {
    for (const [f, form] of REQUEST_FORMS.entries()) {
      for (const [o, outcome] of REQUEST_OUTCOMES.entries()) {
        const count = counts[countIndex(p, f, o)] ?? 0;
        if (count > 0) tell({ path, credential_form: form, outcome }, count);
      }
    }
  }
}

function countIndex(path: number, form: number, outcome: number): number {
  return (path * REQUEST_FORMS.length + form) * REQUEST_OUTCOMES.length + outcome;
}

function indexes<T extends string>(values: readonly T[]): Record<T, number> {
  return Object.fromEntries(values.map((value, index) => [value, index])) as Record<T, number>;
}

const DURATION = {
  name: 'cells_authority_request_duration_seconds',
  help: 'From the headers of a request to its answer, by path',
};

type DurationValues = ReturnType<Histogram<'path' | 'le'>['get']>;

/** A histogram whose buckets are somebody else's numbers. */
class DurationHistogram extends Histogram<'path' | 'le'> {
  /** What Prometheus is to know of it beside the numbers. */
  readonly #description = new Histogram<'path' | 'le'>({
    ...DURATION,
    labelNames: ['path'],
    buckets: BUCKETS,
    registers: [],
  });

  constructor(
    private readonly counts: Float64Array,
    private readonly sums: Float64Array,
  ) {
    super({ ...DURATION, labelNames: ['path'], buckets: BUCKETS, registers: [] });
  }

  override async get(): DurationValues {
    const values = REQUEST_PATHS.flatMap((path, index) => this.#valuesOf(path, index));
    return { ...(await this.#description.get()), values };
  }

  /** The registry prefers this one. */
  getForPromString(): DurationValues {
    return this.get();
  }

  #valuesOf(path: string, index: number) {
    const name = DURATION.name;
    const size = BUCKETS.length + 1;
    let count = 0;
    const buckets = [...this.counts.subarray(index * size, (index + 1) * size)].map((inBucket, place) => {
      count += inBucket;
      return { metricName: `${name}_bucket`, labels: { path, le: BUCKETS[place] ?? '+Inf' }, value: count };
    });
    if (count === 0) return [];
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: { path }, value: this.sums[index] ?? 0 },
      { metricName: `${name}_count`, labels: { path }, value: count },
    ];
  }
}
