import { type IssuedToken } from '../authorization-server/issued-token.js';
import { type RedisAccess } from './redis-access.js';
import { SEAL_BYTES } from './shared-keys.js';

/** Deletes a value only as long as it is the one that is meant: it begins with its own version and nonce. */
const DELETE_THIS_VALUE = `
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/** Deletes exactly this value, whatever has taken its place meanwhile. Nobody waits for it. */
export function deleteValue(access: RedisAccess, key: string, value: Buffer): void {
  // A copy: a part of the buffer would keep the whole of it.
  const seal = Buffer.from(value.subarray(0, SEAL_BYTES));
  access.send('delete', (redis) => redis.run(DELETE_THIS_VALUE, [key], [seal]));
}

/** A token that other instances find as well: read from the shared store, or just put there. */
export class SharedToken {
  readonly #seal: Buffer;

  constructor(
    readonly token: IssuedToken,
    /** Milliseconds since its issue, by Redis' clock. */
    readonly ageMs: number,
    /** Whether another instance, or another flight, fetched it. */
    readonly foundThere: boolean,
    private readonly access: RedisAccess,
    private readonly key: string,
    value: Buffer,
  ) {
    this.#seal = Buffer.from(value.subarray(0, SEAL_BYTES));
  }

  /** Deletes it there, and no newer one. */
  forget(): void {
    deleteValue(this.access, this.key, this.#seal);
  }
}
