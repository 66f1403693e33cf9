import { type AuthorityEvent } from '../../src/cells-authority/authority-observer.js';
import { connectToRedis } from '../../src/cells-authority/shared-store/ioredis-commands.js';
import { RedisAccess } from '../../src/cells-authority/shared-store/redis-access.js';
import { parseRedisUrl } from '../../src/cells-authority/shared-store/redis-address.js';

/** Waits for Redis as long as a busy machine may take. */
const PATIENCE_MS = 10_000;

/** Access to a Redis that is there, once it is connected. */
export async function openAccess(url: string, observe: (event: AuthorityEvent) => void): Promise<RedisAccess> {
  const address = parseRedisUrl(url);
  if (address === undefined) throw new Error('no address');
  const access = new RedisAccess(() => performance.now(), observe, PATIENCE_MS);
  await new Promise<void>((resolve) => {
    const commands = connectToRedis(address, (signal) => {
      access.signal(signal);
      if (signal === 'ready') resolve();
    });
    access.use(commands);
  });
  return access;
}

/** Waits until Redis has done what was sent to it in the background: it answers in order. */
export async function allDone(access: RedisAccess): Promise<void> {
  await access.ask('read', access.newPatience(), (redis) => redis.ping());
}
