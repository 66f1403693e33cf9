import { type AuthorityObserver } from '../authority-observer.js';
import { type AuthorityOptions } from '../cells-authority.options.js';
import { type Clock } from '../clock.js';
import { RedisAccess } from './redis-access.js';
import { parseRedisUrl } from './redis-address.js';
import { type OpenStore, RenewableStore } from './renewable-store.js';
import { RedisSharedStore } from './shared-store.js';

/**
 * The shared store, if tokens are kept in Redis. It does not wait for Redis, and uses it as soon as it can be reached.
 *
 * @throws Error when the options are wrong or ioredis is missing; never because of Redis.
 */
export async function openSharedStore(
  options: AuthorityOptions,
  clock: Clock,
  observe: AuthorityObserver,
  patienceMs: number,
  wallClock: Clock,
): Promise<RenewableStore | undefined> {
  if (options.tokenCache !== 'redis') return undefined;
  const { connectToRedis } = await importIoredisCommands();

  const openStore: OpenStore = ({ redisUrl, tokenCacheSecret: secrets }, tell) => {
    const address = parseRedisUrl(redisUrl);
    // Not quoted: it may hold a password.
    if (address === undefined) throw new Error('CellsAuthorityModule: redisUrl is no Redis URL');
    if (secrets === undefined) throw new Error('CellsAuthorityModule: tokenCacheSecret is missing');
    const access = new RedisAccess(clock, tell, patienceMs);
    const store = new RedisSharedStore(access, secrets, options, clock, wallClock);
    access.use(
      connectToRedis(address, (signal) => {
        access.signal(signal);
        if (signal === 'ready') void store.compareSecrets();
      }),
    );
    return store;
  };
  return new RenewableStore(options, openStore, observe);
}

/** Hosts that keep tokens elsewhere need no ioredis. */
async function importIoredisCommands() {
  try {
    return await import('./ioredis-commands.js');
  } catch {
    throw new Error('CellsAuthorityModule: tokenCache "redis" needs the package ioredis 6');
  }
}
