import { type DynamicModule, Module, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import helmet from 'helmet';
import { CellsAuthorityModule } from '../../src/cells-authority/index.js';
import { type HostEnvironment } from './host-environment.js';
import { WorkbooksModule } from './workbooks.module.js';

/**
 * A complete application on Express. It calls the Cells API with its own credentials, and serves the token operation to
 * others at `/api/v4.0/cells/connect/token`, beside its own routes and under its own rules.
 */
@Module({})
export class ExpressHostModule {
  static with(environment: HostEnvironment): DynamicModule {
    return {
      module: ExpressHostModule,
      imports: [
        CellsAuthorityModule.forRoot({
          isGlobal: true,
          upstreamTokenUrl: environment.ASPOSE_TOKEN_URL,
          credentials: { clientId: environment.ASPOSE_CLIENT_ID, clientSecret: environment.ASPOSE_CLIENT_SECRET },
        }),
        WorkbooksModule.at(environment.ASPOSE_API),
      ],
    };
  }
}

/** What its `main.ts` does before `listen()`. */
export async function createExpressHost(environment: HostEnvironment): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(ExpressHostModule.with(environment), {
    logger: ['error', 'warn'],
  });
  app.use(helmet());
  app.setGlobalPrefix('api');
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
  // Express waits a minute for headers, and five for a body on other routes.
  app.getHttpServer().headersTimeout = 10_000;
  serveDocument(app);
  app.enableShutdownHooks();
  return app;
}

/** The operation comes into the document by itself. */
function serveDocument(app: NestExpressApplication): void {
  const config = new DocumentBuilder().setTitle('Workbooks').build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config));
}
