import { type DynamicModule, Global, Module } from '@nestjs/common';
import { type Logger } from 'pino';
import { type AuthorityObserver } from './cells-authority/index.js';
import { type GatewayObserver } from './cells-gateway/gateway-observer.js';
import { type Environment } from './config/environment.js';
import { AuthorityCondition } from './health/authority-condition.js';
import { authorityLog } from './logging/authority-log.js';
import { gatewayLog } from './logging/gateway-log.js';
import { ServiceMetrics } from './metrics/service-metrics.js';

/** Injection token of the observer of the library's events. */
export const SERVICE_OBSERVER = Symbol('SERVICE_OBSERVER');

/** Injection token of the observer of the gateway's events. */
export const GATEWAY_OBSERVER = Symbol('GATEWAY_OBSERVER');

/** The library's observers: log, metrics and condition, one of each for the whole service. */
@Global()
@Module({})
export class ObservabilityModule {
  static with(logger: Logger, environment: Environment): DynamicModule {
    const metrics = new ServiceMetrics(environment.METRICS === 'on', environment.authority.tokenCache === 'redis');
    const condition = new AuthorityCondition(environment.authority.tokenCache === 'redis');
    const log = authorityLog(logger);
    const observer: AuthorityObserver = (event) => {
      metrics.observe(event);
      log(event);
      condition.observe(event);
    };
    const logGateway = gatewayLog(logger);
    const gatewayObserver: GatewayObserver = (event) => {
      metrics.observeGateway(event);
      logGateway(event);
    };
    return {
      module: ObservabilityModule,
      providers: [
        { provide: ServiceMetrics, useValue: metrics },
        { provide: AuthorityCondition, useValue: condition },
        { provide: SERVICE_OBSERVER, useValue: observer },
        { provide: GATEWAY_OBSERVER, useValue: gatewayObserver },
      ],
      exports: [ServiceMetrics, AuthorityCondition, SERVICE_OBSERVER, GATEWAY_OBSERVER],
    };
  }
}
