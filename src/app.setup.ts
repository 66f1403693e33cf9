import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { CellsAuthorityService } from './cells-authority/index.js';
import { TokenResponder } from './cells-authority/internal.js';
import { CellsGateway } from './cells-gateway/cells-gateway.js';
import { type Environment } from './config/environment.js';
import { serveTryItPage } from './docs/try-it-page.js';
import { crossOriginOptions } from './http/cross-origin.js';
import { observeRequests, unreadRefusals } from './http/completed-requests.js';
import { hideMetrics } from './http/listen.js';
import { httpServerOptions } from './http/http-server-options.js';
import { securityHeaders, sendSecurityHeaders } from './http/security-headers.js';
import { tlsCertificate } from './http/tls-certificate.js';
import { respondAheadOfNest } from './http/token-routes.js';
import { UnhandledErrorFilter } from './http/unhandled-error.filter.js';
import { type NestLogger } from './logging/nest-logger.js';
import { ServiceMetrics } from './metrics/service-metrics.js';
import { traceRequests } from './tracing/request-tracing.js';

/** Creates the complete service, which does not listen yet. Used by the process and by tests. */
export async function createApplication(environment: Environment, logger: NestLogger): Promise<NestFastifyApplication> {
  const headers = securityHeaders(environment.TLS_CERT_FILE !== undefined);
  const unread = unreadRefusals(() => metrics.requests, logger.logger);
  const certificate = tlsCertificate(environment);
  const adapter = new FastifyAdapter(httpServerOptions(environment, certificate, unread, () => gateway));
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forEnvironment(environment, logger.logger),
    adapter,
    {
      bodyParser: false,
      logger,
      // The caller reports errors.
      abortOnError: false,
    },
  );
  const gateway: CellsGateway | undefined = environment.CELLS_API_URL === 'off' ? undefined : app.get(CellsGateway);
  const metrics = app.get(ServiceMetrics);
  if (gateway !== undefined) metrics.addGateway(() => gateway.numbers);
  metrics.addAuthority(() => app.get(CellsAuthorityService, { strict: false }).numbers);
  metrics.addDroppedLogLines(() => logger.droppedLines);
  if (certificate !== undefined) metrics.addCertificate(() => certificate.endsAt);
  traceRequests(adapter.getInstance());
  if (environment.METRICS_PORT !== undefined) hideMetrics(adapter.getInstance());
  observeRequests(adapter.getInstance(), metrics.requests);
  respondAheadOfNest(adapter.getInstance(), () => app.get(TokenResponder, { strict: false }), headers);
  sendSecurityHeaders(adapter.getInstance(), headers);
  if (environment.CORS_ORIGINS !== undefined) app.enableCors(crossOriginOptions(environment.CORS_ORIGINS));
  app.useGlobalFilters(new UnhandledErrorFilter());
  if (environment.DOCS === 'on') serveTryItPage(app);
  return app;
}
