import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type GatewayOutcome, METHODS } from '../cells-gateway/gateway-failure.js';
import { GATEWAY_TOKEN_ACTIONS, type GatewayEvent, type GatewayNumbers } from '../cells-gateway/gateway-observer.js';

/** Seconds; large workbooks take minutes. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

/** What fails upstream, and has to be there from the start: the first of something is no increase for Prometheus otherwise. */
const FAILURES: readonly GatewayOutcome[] = [
  'too_many_waiting',
  'connect_failed',
  'name_not_found',
  'certificate_expired',
  'certificate_untrusted',
  'certificate_wrong_host',
  'tls_failed',
  'proxy_unreachable',
  'proxy_auth',
  'proxy_refused',
  'connection_lost',
  'invalid_response',
  'connect_timeout',
  'timeout',
];

/** Registers metrics for the gateway's events and returns the observer that updates them. */
export function gatewayMetrics(registry: Registry): (event: GatewayEvent) => void {
  const registers = [registry];
  const requests = new Counter({
    name: 'cells_authority_gateway_requests_total',
    help: 'Requests of the Cells API, by method, class of the status, and outcome',
    labelNames: ['method', 'status_class', 'outcome'],
    registers,
  });
  for (const method of METHODS) {
    for (const outcome of FAILURES) requests.inc({ method, status_class: '5xx', outcome }, 0);
  }
  const duration = new Histogram({
    name: 'cells_authority_gateway_request_duration_seconds',
    help: "Until the headers of the Cells API's response, and until the end of the whole",
    labelNames: ['phase'],
    buckets: BUCKETS,
    registers,
  });
  const tokens = new Counter({
    name: 'cells_authority_gateway_tokens_total',
    help: 'What was done about the tokens of requests',
    labelNames: ['action'],
    registers,
  });
  for (const action of GATEWAY_TOKEN_ACTIONS) tokens.inc({ action }, 0);
  return (event) => {
    if (event.type === 'token') {
      tokens.inc({ action: event.action });
      return;
    }
    const { method, status, outcome, headersMs, wholeMs } = event;
    requests.inc({ method, status_class: statusClass(status), outcome });
    if (headersMs !== undefined) duration.observe({ phase: 'headers' }, headersMs / 1000);
    duration.observe({ phase: 'whole' }, wholeMs / 1000);
  };
}

/** Adds the gateway's current numbers; `read` is called for every scrape. */
export function gatewayNumberMetrics(registry: Registry, read: () => GatewayNumbers): void {
  const registers = [registry];
  new Gauge({
    name: 'cells_authority_gateway_in_flight',
    help: 'Requests of the Cells API that are under way',
    registers,
    collect() {
      this.set(read().inFlight);
    },
  });
  new Gauge({
    name: 'cells_authority_gateway_waiting_requests',
    help: 'Requests that wait for a connection to the Cells API',
    registers,
    collect() {
      this.set(read().waiting);
    },
  });
  new Gauge({
    name: 'cells_authority_gateway_upstream_connections',
    help: 'Open connections to the Cells API',
    registers,
    collect() {
      this.set(read().connections);
    },
  });
  new Counter({
    name: 'cells_authority_gateway_bytes_total',
    help: 'Bytes of bodies: up to the Cells API, and down to clients',
    labelNames: ['direction'],
    registers,
    collect() {
      const { bytesUp, bytesDown } = read();
      this.reset();
      this.inc({ direction: 'up' }, bytesUp);
      this.inc({ direction: 'down' }, bytesDown);
    },
  });
}

function statusClass(status: number | undefined): string {
  return status === undefined ? 'none' : `${Math.floor(status / 100)}xx`;
}
