import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import {
  type AuthorityEvent,
  type AuthorityObserver,
  type SharedStoreOperation,
  type SharedStoreOutcome,
  type TokenSource,
  type UpstreamOutcome,
} from '../cells-authority/index.js';
import { type RequestMeter } from './request-meter.js';

/** Seconds; the default budget of an upstream request is 8 s. */
const UPSTREAM_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16];
/** Seconds; a request waits at most 50 ms for Redis. */
const REDIS_BUCKETS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05];
const CIRCUIT_STATES = ['closed', 'half_open', 'open'] as const;

/** All values of a label start at 0, because Prometheus does not see an increase when a series begins with 1. */
type Zeros<T extends string> = Readonly<Record<T, 0>>;
type EventOf<T extends AuthorityEvent['type']> = Extract<AuthorityEvent, { type: T }>;

const SOURCES: Zeros<TokenSource> = { kept: 0, fetched: 0, shared_flight: 0, shared_store: 0, fallback: 0 };
const UPSTREAM_OUTCOMES: Zeros<UpstreamOutcome> = {
  token: 0,
  refused: 0,
  throttled: 0,
  upstream_error: 0,
  invalid_response: 0,
  redirected: 0,
  connect_failed: 0,
  name_not_found: 0,
  connect_timeout: 0,
  timeout: 0,
  certificate_expired: 0,
  certificate_untrusted: 0,
  certificate_wrong_host: 0,
  tls_failed: 0,
  connection_lost: 0,
  proxy_unreachable: 0,
  proxy_auth: 0,
  proxy_refused: 0,
};
const REFRESHES: Zeros<EventOf<'refresh'>['outcome']> = { renewed: 0, failed: 0 };
const HOLDS: Zeros<EventOf<'held'>['reason']> = { refused: 0, throttled: 0 };
const SLOWED: Zeros<EventOf<'guessing_slowed'>['scope']> = { address: 0, address_and_client: 0 };
const NOT_FORWARDED: Zeros<EventOf<'not_forwarded'>['reason']> = {
  circuit_open: 0,
  too_many_waiting: 0,
  waited_too_long: 0,
};
const FAILURES = ['refused', 'no_answer', 'bypassed'] as const;
/** The possible outcomes of each operation on Redis. */
const STORE_OUTCOMES: Readonly<Record<SharedStoreOperation, readonly SharedStoreOutcome[]>> = {
  connection: ['available', 'unavailable', 'other_secret', 'done', ...FAILURES],
  read: ['hit', 'miss', 'tampered', ...FAILURES],
  write: ['done', 'tampered', ...FAILURES],
  delete: ['done', 'tampered', ...FAILURES],
  lock: ['acquired', 'taken', 'tampered', ...FAILURES],
  count: ['done', 'tampered', ...FAILURES],
};

/** Registers metrics for the library's events and returns the observer that updates them. */
export function authorityMetrics(registry: Registry, requests: RequestMeter, usesRedis: boolean): AuthorityObserver {
  const registers = [registry];
  const countServed = plainCounter(registry, {
    name: 'cells_authority_tokens_served_total',
    help: 'Tokens handed out, by where they came from',
    label: 'source',
    values: SOURCES,
  });
  const countUpstream = plainCounter(registry, {
    name: 'cells_authority_upstream_requests_total',
    help: 'Requests to the authorization server, by outcome; a request and its retry are one',
    label: 'outcome',
    values: UPSTREAM_OUTCOMES,
  });
  const upstreamSeconds = new Histogram({
    name: 'cells_authority_upstream_request_duration_seconds',
    help: 'How long the authorization server took, the retry included',
    buckets: UPSTREAM_BUCKETS,
    registers,
  });
  const retries = counter(registry, 'cells_authority_upstream_retries_total', 'Upstream requests that were sent twice');
  const countRefresh = plainCounter(registry, {
    name: 'cells_authority_token_refreshes_total',
    help: 'Tokens renewed ahead of their expiry, by outcome',
    label: 'outcome',
    values: REFRESHES,
  });
  const evictions = counter(registry, 'cells_authority_evictions_total', 'Kept tokens dropped for lack of room');
  const countHold = plainCounter(registry, {
    name: 'cells_authority_holds_total',
    help: 'Holds begun, by reason',
    label: 'reason',
    values: HOLDS,
  });
  const countHeldAnswer = plainCounter(registry, {
    name: 'cells_authority_answers_from_hold_total',
    help: 'Requests answered from a hold instead of being forwarded, by reason',
    label: 'reason',
    values: HOLDS,
  });
  const countSlowed = plainCounter(registry, {
    name: 'cells_authority_guessing_slowed_total',
    help: 'Requests refused because too many before them failed, by what was counted',
    label: 'scope',
    values: SLOWED,
  });
  const countNotForwarded = plainCounter(registry, {
    name: 'cells_authority_requests_not_forwarded_total',
    help: 'Requests refused to spare the authorization server, by reason',
    label: 'reason',
    values: NOT_FORWARDED,
  });
  const showCircuit = circuitStates(registry);
  const store = new Counter({
    name: 'cells_authority_redis_operations_total',
    help: 'What was done with Redis, by operation and outcome',
    labelNames: ['operation', 'outcome'],
    registers,
  });
  if (usesRedis) {
    for (const [operation, outcomes] of Object.entries(STORE_OUTCOMES)) {
      for (const outcome of outcomes) store.inc({ operation, outcome }, 0);
    }
  }
  const storeSeconds = new Histogram({
    name: 'cells_authority_redis_duration_seconds',
    help: 'How long requests waited for the answer to a command of Redis',
    buckets: REDIS_BUCKETS,
    registers,
  });
  return (event: AuthorityEvent) => {
    switch (event.type) {
      case 'token_request':
        requests.tokenRequest(event);
        break;
      case 'token_served':
        countServed(event.source);
        break;
      case 'upstream_request':
        countUpstream(event.outcome);
        upstreamSeconds.observe(event.durationMs / 1000);
        if (event.retried) retries.inc();
        break;
      case 'refresh':
        countRefresh(event.outcome);
        break;
      case 'evicted':
        evictions.inc();
        break;
      case 'held':
        countHold(event.reason);
        break;
      case 'answered_from_hold':
        countHeldAnswer(event.reason);
        break;
      case 'guessing_slowed':
        countSlowed(event.scope);
        break;
      case 'not_forwarded':
        countNotForwarded(event.reason);
        break;
      case 'circuit':
        showCircuit(event.state);
        break;
      case 'shared_store':
        store.inc({ operation: event.operation, outcome: event.outcome });
        break;
      case 'shared_store_answer':
        storeSeconds.observe(event.durationMs / 1000);
        break;
    }
  };
}

function counter(registry: Registry, name: string, help: string): Counter {
  return new Counter({ name, help, registers: [registry] });
}

interface PlainCounterSettings<T extends string> {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  readonly values: Zeros<T>;
}

/** Counts frequent events in plain numbers, which become metrics only when they are scraped. */
function plainCounter<T extends string>(registry: Registry, settings: PlainCounterSettings<T>): (value: T) => void {
  const { name, help, label, values } = settings;
  const counts = new Map<string, number>(Object.entries<0>(values));
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of counts) this.inc({ [label]: value }, count);
    },
  });
  return (value) => {
    counts.set(value, (counts.get(value) ?? 0) + 1);
  };
}

function circuitStates(registry: Registry): (state: (typeof CIRCUIT_STATES)[number]) => void {
  const gauge = new Gauge({
    name: 'cells_authority_circuit_state',
    help: 'State of the circuit to the authorization server: 1 for the one it is in',
    labelNames: ['state'],
    registers: [registry],
  });
  const show = (current: string) => {
    for (const state of CIRCUIT_STATES) gauge.set({ state }, state === current ? 1 : 0);
  };
  show('closed');
  return show;
}
