import { NestFactory } from '@nestjs/core';
import { CellsAuthorityModule, CellsAuthorityService } from '../cells-authority/index.js';
import { type Environment } from '../config/environment.js';

/**
 * Prints a token for the environment's credentials, and nothing else, on stdout.
 *
 * @throws Error that says what is missing, or why there is no token.
 */
export async function printToken(environment: Environment): Promise<void> {
  const { ASPOSE_CLIENT_ID: clientId, ASPOSE_CLIENT_SECRET: clientSecret } = environment;
  if (clientId === undefined || clientSecret === undefined) {
    throw new Error('token needs ASPOSE_CLIENT_ID and ASPOSE_CLIENT_SECRET in the environment');
  }
  process.stderr.write(`Asking ${new URL(environment.authority.upstreamTokenUrl).host} for a token ...\n`);
  const module = CellsAuthorityModule.forRoot({
    ...environment.authority,
    credentials: { clientId, clientSecret },
    controller: false,
    // The error says everything.
    observer: () => undefined,
  });
  const app = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
  try {
    process.stdout.write(`${await app.get(CellsAuthorityService).getAccessToken()}\n`);
  } finally {
    await app.close();
  }
}
