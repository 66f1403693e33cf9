import { Counter, Gauge, Registry } from 'prom-client';
import { type AuthorityObserver, type CellsAuthorityService } from '../cells-authority/index.js';
import { SHARED_STORE_TROUBLES } from '../cells-authority/internal.js';
import { type GatewayNumbers, type GatewayObserver } from '../cells-gateway/gateway-observer.js';
import { authorityMetrics } from './authority-metrics.js';
import { gatewayMetrics, gatewayNumberMetrics } from './gateway-metrics.js';
import { registerProcessMetrics } from './process-metrics.js';
import { RequestMeter } from './request-meter.js';

const REDIS_STATES = ['available', 'connecting', ...SHARED_STORE_TROUBLES] as const;

/** All metrics of one application, in its own registry, which stays empty when metrics are off. */
export class ServiceMetrics {
  readonly registry = new Registry();
  readonly requests = new RequestMeter();
  readonly observe: AuthorityObserver;
  readonly observeGateway: GatewayObserver;

  constructor(
    private readonly scraped = true,
    usesRedis = false,
  ) {
    if (scraped) this.requests.register(this.registry);
    this.observe = scraped ? authorityMetrics(this.registry, this.requests, usesRedis) : () => undefined;
    this.observeGateway = scraped ? gatewayMetrics(this.registry) : () => undefined;
  }

  /** Adds Node's own. */
  addProcessMetrics(): void {
    registerProcessMetrics(this.registry);
  }

  /** Adds the versions of the service and of Node. */
  addBuild(version: string): void {
    if (!this.scraped) return;
    new Gauge({
      name: 'cells_authority_build_info',
      help: 'Always 1; the labels say which version runs on which Node',
      labelNames: ['version', 'node'],
      registers: [this.registry],
    }).set({ version, node: process.version }, 1);
  }

  /** Adds the number of log lines that could not be written; `read` is called for every scrape. */
  addDroppedLogLines(read: () => number): void {
    if (!this.scraped) return;
    new Counter({
      name: 'cells_authority_log_lines_dropped_total',
      help: 'Log lines dropped because they could not be written',
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  /** Adds when the certificate in use expires, in milliseconds since 1970; `read` is called for every scrape. */
  addCertificate(read: () => number): void {
    this.#gauge(
      'cells_authority_tls_certificate_end_timestamp_seconds',
      'When the certificate that is served ends, in seconds since 1970',
      () => Math.round(read() / 1000),
    );
  }

  /** Adds the gateway's current numbers; `read` is called for every scrape. */
  addGateway(read: () => GatewayNumbers): void {
    if (this.scraped) gatewayNumberMetrics(this.registry, read);
  }

  /** Adds the library's current numbers; `read` is called for every scrape. */
  addAuthority(read: () => CellsAuthorityService['numbers']): void {
    this.#gauge('cells_authority_kept_tokens', 'Tokens kept for reuse', () => read().keptTokens);
    this.#gauge('cells_authority_kept_bytes', 'Bytes of the tokens kept for reuse', () => read().keptBytes);
    this.#gauge(
      'cells_authority_held_credentials',
      'Credential pairs and requests that are on hold',
      () => read().heldCredentials,
    );
    this.#gauge(
      'cells_authority_waiting_requests',
      'Requests that wait for a connection to the authorization server',
      () => read().waitingRequests,
    );
    this.#gauge(
      'cells_authority_upstream_connections',
      'Open connections to the authorization server',
      () => read().openConnections,
    );
    if (this.scraped) redisStateMetric(this.registry, () => read().sharedStore);
  }

  #gauge(name: string, help: string, read: () => number): void {
    if (!this.scraped) return;
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }
}

function redisStateMetric(registry: Registry, read: () => string | undefined): void {
  new Gauge({
    name: 'cells_authority_redis_state',
    help: 'Whether Redis is used, or why it is not: 1 for the state that it is in; absent where tokens are not kept in Redis',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const current = read();
      if (current === undefined) return;
      for (const state of REDIS_STATES) this.set({ state }, state === current ? 1 : 0);
    },
  });
}
