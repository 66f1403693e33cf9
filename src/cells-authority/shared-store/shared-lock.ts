import { randomBytes } from 'node:crypto';
import { type RedisAccess } from './redis-access.js';
import { type RedisCommands } from './redis-commands.js';

const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;
const PROLONG = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;

/**
 * A lock on one cache key for all instances. It lapses soon when its holder dies, and is prolonged while the holder
 * works. It spares upstream requests and guards nothing else, so who cannot have it goes on without.
 */
export class SharedLock {
  readonly #owner = randomBytes(16).toString('base64url');
  #prolonging: NodeJS.Timeout | undefined;

  constructor(
    private readonly access: RedisAccess,
    private readonly key: string,
    private readonly lapseMs: number,
  ) {}

  /** Part of a round trip: whether the lock is now held here. */
  acquire(redis: RedisCommands): Promise<boolean> {
    return redis.setIfAbsent(this.key, this.#owner, this.lapseMs);
  }

  /** Keeps it from lapsing until it is released. */
  hold(): void {
    this.#prolonging = setInterval(() => {
      this.access.send('lock', (redis) => redis.run(PROLONG, [this.key], [this.#owner, this.lapseMs]));
    }, this.lapseMs / 3).unref();
  }

  /** Gives it back, unless it has lapsed and is somebody else's. */
  release(): void {
    clearInterval(this.#prolonging);
    this.access.send('lock', (redis) => redis.run(RELEASE, [this.key], [this.#owner]));
  }
}

/** Who waits for another instance asks again after so many milliseconds; a fleet does not move in step. */
export function nextLook(tries: number): number {
  return Math.min(10 * 2 ** tries, 100) * (0.75 + Math.random() / 2);
}
