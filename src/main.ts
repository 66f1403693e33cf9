import 'reflect-metadata';
import { createApplication } from './app.setup.js';
import { CellsAuthorityService } from './cells-authority/index.js';
import { CellsGateway } from './cells-gateway/cells-gateway.js';
import { renewSecrets } from './config/renew-secrets.js';
import { environmentSource } from './config/environment-source.js';
import { destinations, maskedEnvironment, readEnvironment } from './config/environment.js';
import { packageVersion } from './config/package-version.js';
import { CONFIGURATION_ERROR, describeFailure, exitCodeOf } from './config/start-failure.js';
import { unknownVariables } from './config/unknown-variables.js';
import { unreadRefusals } from './http/completed-requests.js';
import { GracefulStop, stopOnSignal } from './http/graceful-stop.js';
import { listen, listenForOperations } from './http/listen.js';
import { Stopping } from './http/stopping.module.js';
import { NestLogger } from './logging/nest-logger.js';
import { ServiceMetrics } from './metrics/service-metrics.js';
import { exportLastSpans } from './tracing/request-tracing.js';

let log: NestLogger | undefined;
let configured = false;
try {
  const source = environmentSource();
  const environment = readEnvironment(source);
  const running = NestLogger.toStandardOutput(environment.LOG_LEVEL);
  log = running;
  const { logger } = running;
  for (const { name, nearest } of unknownVariables(source)) {
    logger.warn({ event: 'unknown_variable', name, nearest }, 'A variable is not read: its name is not known');
  }
  const app = await createApplication(environment, running);
  configured = true;
  const version = packageVersion(import.meta.url);
  app.get(ServiceMetrics).addBuild(version);
  const gracefulStop = new GracefulStop({
    server: app.getHttpServer(),
    stopping: app.get(Stopping),
    endTransfers: () => {
      if (environment.CELLS_API_URL !== 'off') app.get(CellsGateway).endTransfers();
    },
    close: () => app.close(),
  });
  await listen(app, environment);
  if (environment.METRICS_PORT !== undefined) {
    const refused = unreadRefusals(() => app.get(ServiceMetrics).requests, logger);
    await listenForOperations(app, { ...environment, PORT: environment.METRICS_PORT }, refused);
  }
  renewSecrets(source, app.get(CellsAuthorityService, { strict: false }), logger);
  const stopped = stopOnSignal(async (signal) => {
    const { SHUTDOWN_GRACE_MS: graceMs, SHUTDOWN_NOTICE_MS: noticeMs } = environment;
    logger.info({ event: 'stop', signal, graceMs }, 'Stopping');
    running.flush();
    // Ctrl-C comes from a terminal, where no load balancer needs notice.
    await gracefulStop.stop(graceMs, signal === 'SIGINT' ? 0 : noticeMs);
    await exportLastSpans();
    logger.info({ event: 'stopped' }, 'Stopped');
    await running.end();
  });
  const scheme = environment.TLS_CERT_FILE === undefined ? 'http' : 'https';
  const url = (await app.getUrl()).replace(/^\w+/, scheme);
  const start = { event: 'start', version, node: process.version, url, upstream: destinations(environment) };
  logger.info({ ...start, configuration: maskedEnvironment(environment) }, 'Listening');
  running.flush();
  await stopped;
} catch (error) {
  await log?.end();
  process.stderr.write(`cells-authority: ${describeFailure(error)}\n`);
  process.exit(configured ? exitCodeOf(error) : CONFIGURATION_ERROR);
}
