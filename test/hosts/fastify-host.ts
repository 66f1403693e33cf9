import { type DynamicModule, Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  CellsAuthorityModule,
  type CellsAuthorityOptions,
  type CellsAuthorityOptionsFactory,
} from '../../src/cells-authority/index.js';
import { type HostEnvironment } from './host-environment.js';
import { WorkbooksModule } from './workbooks.module.js';

const ENVIRONMENT = Symbol('ENVIRONMENT');

/** Where an application keeps its configuration; many use `ConfigService` of `@nestjs/config` here. */
@Injectable()
class Settings implements CellsAuthorityOptionsFactory {
  constructor(@Inject(ENVIRONMENT) private readonly environment: HostEnvironment) {}

  createCellsAuthorityOptions(): CellsAuthorityOptions {
    const { ASPOSE_TOKEN_URL, ASPOSE_CLIENT_ID, ASPOSE_CLIENT_SECRET } = this.environment;
    return {
      upstreamTokenUrl: ASPOSE_TOKEN_URL,
      credentials: { clientId: ASPOSE_CLIENT_ID, clientSecret: ASPOSE_CLIENT_SECRET },
      // Nobody is to send this application a secret in a URL.
      queryCredentials: 'deny',
    };
  }
}

@Module({})
class SettingsModule {
  static with(environment: HostEnvironment): DynamicModule {
    return {
      module: SettingsModule,
      providers: [{ provide: ENVIRONMENT, useValue: environment }, Settings],
      exports: [Settings],
    };
  }
}

/**
 * A complete application on Fastify, whose options come from a provider of its own. It calls the Cells API with its own
 * credentials, and serves the token operation to others at `/v4.0/cells/connect/token`.
 */
@Module({})
export class FastifyHostModule {
  static with(environment: HostEnvironment): DynamicModule {
    return {
      module: FastifyHostModule,
      imports: [
        CellsAuthorityModule.forRootAsync({
          isGlobal: true,
          imports: [SettingsModule.with(environment)],
          useExisting: Settings,
        }),
        WorkbooksModule.at(environment.ASPOSE_API),
      ],
    };
  }
}

/** What its `main.ts` does before `listen()`. */
export async function createFastifyHost(environment: HostEnvironment): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    // SDKs whose base URL ends in a slash ask for //connect/token.
    routerOptions: { ignoreDuplicateSlashes: true },
    // Fastify waits for ever for a request, and for ten seconds with this.
    requestTimeout: 10_000,
  });
  const app = await NestFactory.create<NestFastifyApplication>(FastifyHostModule.with(environment), adapter, {
    logger: ['error', 'warn'],
  });
  app.enableShutdownHooks();
  return app;
}
