import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type AuthorityEvent, type AuthorityObserver, type TokenSource } from '../cells-authority/index.js';
import { type RequestMeter } from './request-meter.js';

/** Seconds; the default budget of an upstream request is 8 s. */
const UPSTREAM_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16];
const CIRCUIT_STATES = ['closed', 'half_open', 'open'] as const;
const SOURCES: readonly TokenSource[] = ['kept', 'fetched', 'shared_flight', 'shared_store', 'fallback'];

/** Makes the metrics of what the library tells; the observer that is returned keeps them. Requests go to their meter. */
export function authorityMetrics(registry: Registry, requests: RequestMeter): AuthorityObserver {
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
  });
  const upstreamSeconds = new Histogram({
    name: 'cells_authority_upstream_request_duration_seconds',
    help: 'How long the authorization server took, the retry included',
    buckets: UPSTREAM_BUCKETS,
    registers,
  });
  const retries = counter(registry, 'cells_authority_upstream_retries_total', 'Upstream requests that were sent twice');
  const refreshes = new Counter({
    name: 'cells_authority_token_refreshes_total',
    help: 'Tokens renewed ahead of their expiry, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  const evictions = counter(registry, 'cells_authority_evictions_total', 'Kept tokens dropped for want of room');
  const holds = new Counter({
    name: 'cells_authority_holds_total',
    help: 'Holds begun, by reason',
    labelNames: ['reason'],
    registers,
  });
  const heldAnswers = new Counter({
    name: 'cells_authority_answers_from_hold_total',
    help: 'Requests answered from a hold instead of being forwarded, by reason',
    labelNames: ['reason'],
    registers,
  });
  const slowed = new Counter({
    name: 'cells_authority_guessing_slowed_total',
    help: 'Requests refused because too many before them failed, by what was counted',
    labelNames: ['scope'],
    registers,
  });
  const notForwarded = new Counter({
    name: 'cells_authority_requests_not_forwarded_total',
    help: 'Requests refused to spare the authorization server, by reason',
    labelNames: ['reason'],
    registers,
  });
  const showCircuit = circuitStates(registry);
  const store = new Counter({
    name: 'cells_authority_redis_operations_total',
    help: 'What was done with Redis, by operation and outcome',
    labelNames: ['operation', 'outcome'],
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
        refreshes.inc({ outcome: event.outcome });
        break;
      case 'evicted':
        evictions.inc();
        break;
      case 'held':
        holds.inc({ reason: event.reason });
        break;
      case 'answered_from_hold':
        heldAnswers.inc({ reason: event.reason });
        break;
      case 'guessing_slowed':
        slowed.inc({ scope: event.scope });
        break;
      case 'not_forwarded':
        notForwarded.inc({ reason: event.reason });
        break;
      case 'circuit':
        showCircuit(event.state);
        break;
      case 'shared_store':
        store.inc({ operation: event.operation, outcome: event.outcome });
        break;
    }
  };
}

function counter(registry: Registry, name: string, help: string): Counter {
  return new Counter({ name, help, registers: [registry] });
}

interface PlainCounterSettings {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  /** Values of the label that are there from the start, with 0. */
  readonly values?: readonly string[];
}

/** Counts in plain numbers what comes with every token; they become metrics when somebody asks for them. */
function plainCounter(registry: Registry, settings: PlainCounterSettings): (value: string) => void {
  const { name, help, label, values = [] } = settings;
  const counts = new Map(values.map((value) => [value, 0]));
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
