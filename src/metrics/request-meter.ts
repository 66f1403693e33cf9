import { Counter, Histogram, type Registry } from 'prom-client';
import { type AuthorityEvent, PUBLISHED_PATH, SDK_PATHS } from '../cells-authority/index.js';

/** Seconds; a kept token takes well under a millisecond, and nothing may take longer than the upstream budget. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BUCKETS_MS = BUCKETS.map((seconds) => seconds * 1000);

type TokenRequestEvent = Extract<AuthorityEvent, { type: 'token_request' }>;

type CredentialForm = TokenRequestEvent['credentialForm'];

/** Outcomes that alerts watch start at 0, because Prometheus does not see an increase when a series begins with 1. */
const WATCHED_OUTCOMES: readonly TokenRequestEvent['outcome'][] = ['server_error', 'temporarily_unavailable'];
const FORMS: readonly CredentialForm[] = ['query', 'form', 'basic', 'json'];

/** The label of all paths but the token paths. */
const OTHER = 'other';

/** The requests of one path. */
interface PathNumbers {
  /** By credential form and outcome. */
  readonly counts: Map<string, Map<string, number>>;
  /** Requests in each bucket, not cumulative. The last one counts those above all limits. */
  readonly buckets: number[];
  seconds: number;
}

/**
 * Counts requests and their durations in plain numbers. Looking up labels by their text, as metrics libraries do, would
 * cost as much as answering with a kept token. The numbers become metrics only when they are scraped.
 */
export class RequestMeter {
  readonly #paths = new Map<string, PathNumbers>();

  /** Counts an answered token request. */
  tokenRequest({ path, credentialForm, outcome, durationMs }: TokenRequestEvent): void {
    this.#count(path, credentialForm, outcome, durationMs);
  }

  /** Counts any other request and returns its outcome. */
  otherRequest(status: number, durationMs: number): 'ok' | 'client_error' | 'server_error' {
    const outcome = status < 400 ? 'ok' : status < 500 ? 'client_error' : 'server_error';
    this.#count(OTHER, 'none', outcome, durationMs);
    return outcome;
  }

  /** Makes the metrics of the requests. */
  register(registry: Registry): void {
    const paths = this.#paths;
    new Counter({
      name: 'cells_authority_requests_total',
      help: 'Requests answered, by path, where the credentials were, and outcome',
      labelNames: ['path', 'credential_form', 'outcome'],
      registers: [registry],
      collect() {
        this.reset();
        for (const path of [PUBLISHED_PATH, ...SDK_PATHS]) {
          for (const credential_form of FORMS) {
            for (const outcome of WATCHED_OUTCOMES) this.inc({ path: labelOf(path), credential_form, outcome }, 0);
          }
        }
        for (const [path, { counts }] of paths) {
          for (const [credential_form, outcomes] of counts) {
            for (const [outcome, count] of outcomes) this.inc({ path: labelOf(path), credential_form, outcome }, count);
          }
        }
      },
    });
    registry.registerMetric(new DurationHistogram(paths));
  }

  #count(path: string, form: string, outcome: string, durationMs: number): void {
    let numbers = this.#paths.get(path);
    if (numbers === undefined) {
      numbers = { counts: new Map(), buckets: Array<number>(BUCKETS.length + 1).fill(0), seconds: 0 };
      this.#paths.set(path, numbers);
    }
    let byForm = numbers.counts.get(form);
    if (byForm === undefined) {
      byForm = new Map();
      numbers.counts.set(form, byForm);
    }
    byForm.set(outcome, (byForm.get(outcome) ?? 0) + 1);
    let bucket = 0;
    while (bucket < BUCKETS_MS.length && durationMs > (BUCKETS_MS[bucket] ?? Infinity)) bucket += 1;
    numbers.buckets[bucket] = (numbers.buckets[bucket] ?? 0) + 1;
    numbers.seconds += durationMs / 1000;
  }
}

const DURATION = {
  name: 'cells_authority_request_duration_seconds',
  help: 'From the headers of a request to its answer, by path',
  labelNames: ['path'] as const,
  buckets: BUCKETS,
  registers: [],
};

type DurationValues = ReturnType<Histogram<'path' | 'le'>['get']>;

/** A histogram whose buckets are the meter's numbers. */
class DurationHistogram extends Histogram<'path' | 'le'> {
  /** Provides everything but the numbers. */
  readonly #description = new Histogram<'path' | 'le'>(DURATION);

  constructor(private readonly paths: ReadonlyMap<string, PathNumbers>) {
    super(DURATION);
  }

  override async get(): DurationValues {
    const values = [...this.paths].flatMap(([path, numbers]) => valuesOf(labelOf(path), numbers));
    return { ...(await this.#description.get()), values };
  }

  /** The registry prefers this method if it exists. */
  getForPromString(): DurationValues {
    return this.get();
  }
}

function valuesOf(path: string, { buckets, seconds }: PathNumbers) {
  const name = DURATION.name;
  let count = 0;
  const cumulated = buckets.map((inBucket, place) => {
    count += inBucket;
    return { metricName: `${name}_bucket`, labels: { path, le: BUCKETS[place] ?? '+Inf' }, value: count };
  });
  return [
    ...cumulated,
    { metricName: `${name}_sum`, labels: { path }, value: seconds },
    { metricName: `${name}_count`, labels: { path }, value: count },
  ];
}

/** Paths are shown with a leading slash, as in requests. */
function labelOf(path: string): string {
  return path === OTHER ? OTHER : `/${path}`;
}
