import { type AuthorityObserver } from '../authority-observer.js';
import { type Clock } from '../clock.js';
import { connectToRedis } from './ioredis-commands.js';
import { RedisAccess } from './redis-access.js';
import { parseRedisUrl } from './redis-address.js';
import { RedisSharedStore, type SharedStore } from './shared-store.js';

/** The options that the shared store needs. */
export interface SharedStoreOptions {
  readonly tokenCache: 'memory' | 'redis' | 'off';
  readonly redisUrl: string;
  readonly tokenCacheSecret?: string | undefined;
  readonly upstreamTokenUrl: string;
  readonly upstreamTimeoutMs: number;
}

/**
 * The shared store, if there is to be one. Does not wait for Redis: it is used from when it can be reached.
 *
 * @throws Error when the options are wrong or ioredis is missing; never because of Redis.
 */
export async function openSharedStore(
  options: SharedStoreOptions,
  clock: Clock,
  observe: AuthorityObserver,
  patienceMs: number,
  wallClock: Clock,
): Promise<SharedStore | undefined> {
  const { tokenCache, redisUrl, tokenCacheSecret: secret, upstreamTokenUrl: tokenUrl, upstreamTimeoutMs } = options;
  if (tokenCache !== 'redis' || secret === undefined) return undefined;
  const address = parseRedisUrl(redisUrl);
  // Not quoted: it may hold a password.
  if (address === undefined) throw new Error('CellsAuthorityModule: redisUrl is no Redis URL');
  const access = new RedisAccess(clock, observe, patienceMs);
  access.use(
    await connectToRedis(address, (signal) => {
      access.signal(signal);
    }),
  );
  return new RedisSharedStore({ access, secret, tokenUrl, timeoutMs: upstreamTimeoutMs, clock, wallClock });
}
