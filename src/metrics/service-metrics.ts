import { Counter, Gauge, Registry } from 'prom-client';
import { type AuthorityNumbers, type AuthorityObserver } from '../cells-authority/index.js';
import { type GatewayNumbers, type GatewayObserver } from '../cells-gateway/gateway-observer.js';
import { authorityMetrics } from './authority-metrics.js';
import { gatewayMetrics, gatewayNumberMetrics } from './gateway-metrics.js';
import { registerProcessMetrics } from './process-metrics.js';
import { RequestMeter } from './request-meter.js';

/** All metrics of one application, in a registry of its own, which stays empty when nobody is to scrape it. */
export class ServiceMetrics {
  readonly registry = new Registry();
  readonly requests = new RequestMeter();
  readonly observe: AuthorityObserver;
  readonly observeGateway: GatewayObserver;

  constructor(private readonly scraped = true) {
    if (scraped) this.requests.register(this.registry);
    this.observe = scraped ? authorityMetrics(this.registry, this.requests) : () => undefined;
    this.observeGateway = scraped ? gatewayMetrics(this.registry) : () => undefined;
  }

  /** Adds Node's own. */
  addProcessMetrics(): void {
    registerProcessMetrics(this.registry);
  }

  /** Adds the lines that the log could not write; `read` is asked with every scrape. */
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

  /** Adds what the gateway has under way; `read` is asked with every scrape. */
  addGateway(read: () => GatewayNumbers): void {
    if (this.scraped) gatewayNumberMetrics(this.registry, read);
  }

  /** Adds what is kept; `read` is asked with every scrape. */
  addKept(read: () => AuthorityNumbers): void {
    if (!this.scraped) return;
    const registers = [this.registry];
    new Gauge({
      name: 'cells_authority_kept_tokens',
      help: 'Tokens kept for reuse',
      registers,
      collect() {
        this.set(read().keptTokens);
      },
    });
    new Gauge({
      name: 'cells_authority_held_credentials',
      help: 'Credential pairs and requests that are on hold',
      registers,
      collect() {
        this.set(read().heldCredentials);
      },
    });
  }
}
