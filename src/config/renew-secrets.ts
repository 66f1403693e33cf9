import { type Logger } from 'pino';
import { type CellsAuthorityService } from '../cells-authority/index.js';
import { type EnvironmentSource, readEnvironment } from './environment.js';
import { followSecretFiles } from './secret-files.js';
import { describeFailure } from './start-failure.js';

/** The others are only read at the start. */
const RENEWABLE = ['REDIS_URL', 'TOKEN_CACHE_SECRET'];

/** Watches the files with Redis' password and the cache's secret, to renew them without a restart. */
export function renewSecrets(source: EnvironmentSource, service: CellsAuthorityService, logger: Logger): () => void {
  return followSecretFiles(source, RENEWABLE, () => {
    try {
      const { redisUrl, tokenCacheSecret } = readEnvironment(source).authority;
      service.renewRedis({ redisUrl, tokenCacheSecret });
      logger.info({ event: 'secrets_renewed' }, 'Secrets were renewed from their files');
    } catch (error) {
      logger.warn(
        { event: 'secrets_refused', reason: describeFailure(error) },
        'The secrets on disk cannot be used; those before stay in use',
      );
    }
  });
}
