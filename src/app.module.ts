import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { CellsAuthorityModule } from './cells-authority/index.js';
import { authorityOptions } from './config/authority-options.js';
import { type Environment } from './config/environment.js';
import { StoppingModule } from './http/stopping.js';

/** The service, composed from its environment. */
@Module({})
export class AppModule {
  static forEnvironment(environment: Environment): DynamicModule {
    return {
      module: AppModule,
      imports: [
        StoppingModule,
        ConfigModule.forRoot({
          isGlobal: true,
          cache: true,
          // Read and validated before the application is created: the HTTP server needs it first.
          ignoreEnvFile: true,
          skipProcessEnv: true,
          load: [() => ({ environment })],
        }),
        CellsAuthorityModule.forRootAsync({
          inject: [ConfigService],
          useFactory: (config: ConfigService) => authorityOptions(config.getOrThrow<Environment>('environment')),
        }),
      ],
    };
  }
}
