import { randomBytes } from 'node:crypto';
import { type RedisAccess } from './redis-access.js';
import { type RedisCommands } from './redis-commands.js';

/** Milliseconds after which the lock of a dead holder lapses, at most. */
export const LONGEST_LOCK_LAPSE_MS = 2000;

/** A lock with a longer life, or without an end, is not ours and is taken over. ARGV: owner, milliseconds. */
const ACQUIRE = `
if redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then return 'acquired' end
local life = redis.call('PTTL', KEYS[1])
if life >= 0 and life <= ${LONGEST_LOCK_LAPSE_MS} then return 'taken' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'tampered'`;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;
const PROLONG = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;

/**
 * A lock on one cache key across all instances. The holder keeps prolonging it; if the holder dies, it soon lapses. It
 * only saves upstream requests, so an instance that cannot get it goes on without it.
 */
export class SharedLock {
  readonly #owner = randomBytes(16).toString('base64url');
  #prolonging: NodeJS.Timeout | undefined;

  constructor(
    private readonly access: RedisAccess,
    private readonly key: string,
    private readonly lapseMs: number,
  ) {}

  /** Whether the lock is now held here. The caller sends this together with other commands. */
  async acquire(redis: RedisCommands): Promise<boolean> {
    const outcome = await redis.run(ACQUIRE, [this.key], [this.#owner, Math.ceil(this.lapseMs)]);
    this.access.report('lock', outcome === 'taken' || outcome === 'tampered' ? outcome : 'acquired');
    return outcome !== 'taken';
  }

  /** Keeps it from lapsing until it is released. */
  hold(): void {
    this.#prolonging = setInterval(() => {
      this.access.send('lock', (redis) => redis.run(PROLONG, [this.key], [this.#owner, this.lapseMs]));
    }, this.lapseMs / 3).unref();
  }

  /** Releases it, unless it has lapsed and another instance has it. */
  release(): void {
    clearInterval(this.#prolonging);
    this.access.send('lock', (redis) => redis.run(RELEASE, [this.key], [this.#owner]));
  }
}

/** Milliseconds until a waiting instance asks again, with jitter so that instances do not ask all at once. */
export function nextLook(tries: number): number {
  return Math.min(10 * 2 ** tries, 100) * (0.75 + Math.random() / 2);
}
