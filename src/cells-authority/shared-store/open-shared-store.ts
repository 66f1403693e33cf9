import { type AuthorityObserver } from '../authority-observer.js';
import { type AuthorityOptions } from '../cells-authority.options.js';
import { type Clock } from '../clock.js';
import { RedisAccess } from './redis-access.js';
import { parseRedisUrl } from './redis-address.js';
import { type RedisSignal } from './redis-commands.js';
import { type OpenStore, RenewableStore } from './renewable-store.js';
import { RedisSharedStore } from './shared-store.js';

/**
 * Opens the shared store, if tokens are kept in Redis. Does not wait for Redis, which is used once it can be reached.
 *
 * @throws Error when the options are wrong or ioredis is missing; never because of Redis itself.
 */
export async function openSharedStore(
  options: AuthorityOptions,
  clock: Clock,
  observe: AuthorityObserver,
  patienceMs: number,
  wallClock: Clock,
): Promise<RenewableStore | undefined> {
  const { redis, tokenCache } = options;
  if (tokenCache !== 'redis') return undefined;
  const { borrowRedis, connectToRedis } = await importIoredisCommands();

  const openStore: OpenStore = ({ redisUrl, tokenCacheSecret: secrets }, report) => {
    const address = parseRedisUrl(redisUrl);
    // Not quoted because it may contain a password.
    if (address === undefined) throw new Error('CellsAuthorityModule: redisUrl is not a Redis URL');
    if (secrets === undefined) throw new Error('CellsAuthorityModule: tokenCacheSecret is missing');
    const access = new RedisAccess(clock, report, patienceMs);
    const store = new RedisSharedStore(access, secrets, options, clock, wallClock);
    const onSignal = (signal: RedisSignal) => {
      access.signal(signal);
      if (signal === 'ready') void store.compareSecrets();
    };
    access.use(redis === undefined ? connectToRedis(address, onSignal) : borrowRedis(redis, onSignal));
    if (redis?.status === 'ready') onSignal('ready');
    return store;
  };
  return new RenewableStore(options, openStore, observe);
}

/** Hosts that do not keep tokens in Redis need not install ioredis. */
async function importIoredisCommands() {
  try {
    return await import('./ioredis-commands.js');
  } catch {
    throw new Error('CellsAuthorityModule: tokenCache "redis" needs the package ioredis, 5 or 6');
  }
}
