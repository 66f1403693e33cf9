import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { createApplication } from './app.setup.js';
import { readEnvironment } from './config/environment.js';
import { maskedEnvironment } from './config/masked-environment.js';
import { GracefulStop, stopOnSignal } from './http/graceful-stop.js';
import { Stopping } from './http/stopping.js';
import { keepTickObject } from './keep-tick-object.js';
import { NestLogger } from './logging/nest-logger.js';

let log: NestLogger | undefined;
try {
  keepTickObject();
  if (existsSync('.env')) process.loadEnvFile('.env');
  const environment = readEnvironment(process.env);
  const running = NestLogger.toStandardOutput(environment.LOG_LEVEL);
  log = running;
  const { logger } = running;
  const app = await createApplication(environment, running);
  const gracefulStop = new GracefulStop({
    server: app.getHttpServer(),
    stopping: app.get(Stopping),
    close: () => app.close(),
  });
  await app.listen({ host: environment.HOST, port: environment.PORT });
  const stopped = stopOnSignal(async () => {
    logger.info({ event: 'stop', graceMs: environment.SHUTDOWN_GRACE_MS }, 'Stopping');
    running.flush();
    await gracefulStop.stop(environment.SHUTDOWN_GRACE_MS);
    logger.info({ event: 'stopped' }, 'Stopped');
    await running.end();
  });
  const scheme = environment.TLS_CERT_FILE === undefined ? 'http' : 'https';
  const url = (await app.getUrl()).replace(/^\w+/, scheme);
  logger.info({ event: 'start', url, configuration: maskedEnvironment(environment) }, 'Listening');
  running.flush();
  await stopped;
} catch (error) {
  await log?.end();
  process.stderr.write(`cells-authority: ${describeStartFailure(error)}\n`);
  process.exitCode = 1;
}

function describeStartFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'could not start';
  if ('code' in error && error.code === 'EADDRINUSE' && 'port' in error) {
    return `port ${String(error.port)} is taken; set PORT to another one`;
  }
  return error.message;
}
