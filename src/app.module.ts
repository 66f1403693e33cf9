import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { type Logger } from 'pino';
import { type AuthorityObserver, CellsAuthorityModule } from './cells-authority/index.js';
import { CellsGatewayModule } from './cells-gateway/cells-gateway.module.js';
import { type GatewayObserver } from './cells-gateway/gateway-observer.js';
import { authorityOptions } from './config/authority-options.js';
import { type Environment } from './config/environment.js';
import { gatewayOptions } from './config/gateway-options.js';
import { HealthModule } from './health/health.module.js';
import { StoppingModule } from './http/stopping.js';
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
                inject: [ConfigService, GATEWAY_OBSERVER],
                useFactory: (config: ConfigService, observer: GatewayObserver) =>
                  gatewayOptions(config.getOrThrow<Environment>('environment'), observer),
              }),
            ]),
        ...(environment.METRICS === 'on' ? [MetricsModule] : []),
        ConfigModule.forRoot({
          isGlobal: true,
          cache: true,
          // Read and validated before the application is created: the HTTP server needs it first.
          ignoreEnvFile: true,
          skipProcessEnv: true,
          load: [() => ({ environment })],
        }),
        CellsAuthorityModule.forRootAsync({
          sdkPaths: true,
          inject: [ConfigService, SERVICE_OBSERVER],
          useFactory: (config: ConfigService, observer: AuthorityObserver) =>
            authorityOptions(config.getOrThrow<Environment>('environment'), observer),
        }),
      ],
    };
  }
}
