import { type IssuedToken } from '../authorization-server/issued-token.js';
import { type RedisAccess } from './redis-access.js';
import { SEAL_BYTES } from './shared-keys.js';

/** Deletes a value only if it is still the expected one, which its first bytes (version and nonce) show. */
const DELETE_THIS_VALUE = `
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/** Deletes exactly this value, and nothing that has replaced it meanwhile, in the background. */
export function deleteValue(access: RedisAccess, key: string, value: Buffer): void {
  // A copy, because a subarray would keep the whole buffer alive.
  const seal = Buffer.from(value.subarray(0, SEAL_BYTES));
  access.send('delete', (redis) => redis.run(DELETE_THIS_VALUE, [key], [seal]));
}

/** A token in the shared store: read from there, or just put there. */
export class SharedToken {
  readonly #seal: Buffer;

  constructor(
    readonly token: IssuedToken,
    /** Milliseconds since its issue. */
    readonly ageMs: number,
    /** Whether it was read from the store: another instance or an earlier flight fetched it. */
    readonly foundThere: boolean,
    private readonly access: RedisAccess,
    private readonly key: string,
    value: Buffer,
  ) {
    this.#seal = Buffer.from(value.subarray(0, SEAL_BYTES));
  }

  /** Deletes it from the store, and no newer one. */
  forget(): void {
    deleteValue(this.access, this.key, this.#seal);
  }
}
