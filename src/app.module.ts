import { type DynamicModule, Module } from '@nestjs/common';
import { type Logger } from 'pino';
import { type AuthorityObserver, CellsAuthorityModule } from './cells-authority/index.js';
import { CellsGatewayModule } from './cells-gateway/cells-gateway.module.js';
import { type GatewayObserver } from './cells-gateway/gateway-observer.js';
import { type Environment } from './config/environment.js';
import { gatewayOptions } from './config/gateway-options.js';
import { HealthModule } from './health/health.module.js';
import { StoppingModule } from './http/stopping.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { GATEWAY_OBSERVER, ObservabilityModule, SERVICE_OBSERVER } from './observability.module.js';

/** The service, composed from its environment. */
@Module({})
export class AppModule {
  static forEnvironment(environment: Environment, logger: Logger): DynamicModule {
    return {
      module: AppModule,
      imports: [
        StoppingModule,
        ObservabilityModule.with(logger, environment),
        HealthModule,
        ...(environment.CELLS_API_URL === 'off'
          ? []
          : [
              CellsGatewayModule.forRootAsync({
                inject: [GATEWAY_OBSERVER],
                useFactory: (observer: GatewayObserver) => gatewayOptions(environment, observer),
              }),
            ]),
        ...(environment.METRICS === 'on' ? [MetricsModule] : []),
        CellsAuthorityModule.forRootAsync({
          isGlobal: true,
          sdkPaths: true,
          inject: [SERVICE_OBSERVER],
          useFactory: (observer: AuthorityObserver) => ({
            ...environment.authority,
            // Only the gateway uses sessions.
            ...(environment.CELLS_API_URL === 'off' ? { cellsApiSessionMaxS: undefined } : {}),
            observer,
          }),
        }),
      ],
    };
  }
}
