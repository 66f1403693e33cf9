import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApplication } from '../../src/app.setup.js';
import { readEnvironment } from '../../src/config/environment.js';
import { NestLogger } from '../../src/logging/nest-logger.js';
import { closedAtTheEnd } from './leftovers.js';

export interface RunningService {
  readonly app: NestFastifyApplication;
  /** Such as `http://127.0.0.1:40123`. */
  readonly origin: string;
  close(): Promise<void>;
}

/** The service as its process runs it, on a free port and silent. */
export async function startService(environment: Readonly<Record<string, string>>): Promise<RunningService> {
  const variables = readEnvironment({ LOG_LEVEL: 'silent', ...environment });
  const app = await createApplication(variables, NestLogger.toStandardOutput(variables.LOG_LEVEL));
  await app.listen(0, '127.0.0.1');
  return closedAtTheEnd({ app, origin: await app.getUrl(), close: () => app.close() });
}
