import { type Patience, type RedisAccess } from './redis-access.js';
import { SEAL_BYTES, type SharedKeys } from './shared-keys.js';
import { deleteValue } from './shared-token.js';

/** The Redis key that says where a token is kept. Only somebody with the token can compute it. */
export function issuedKey(keys: SharedKeys, accessToken: string): string {
  return keys.key('issued', [accessToken]);
}

/** What is kept there: the start of the value, which is unique to it, and the value's key. */
export function place(key: string, value: Buffer): Buffer {
  return Buffer.concat([value.subarray(0, SEAL_BYTES), Buffer.from(key)]);
}

/** Deletes a token that any instance has fetched, and no newer one. An unknown token leaves no trace. */
export async function forgetIssued(
  access: RedisAccess,
  patience: Patience,
  keys: readonly SharedKeys[],
  accessToken: string,
): Promise<void> {
  const indexKeys = keys.map((each) => issuedKey(each, accessToken));
  const places = await access.ask('read', patience, (redis) => Promise.all(indexKeys.map((key) => redis.get(key))));
  for (const [index, found] of (places ?? []).entries()) {
    const indexKey = indexKeys[index];
    if (found === undefined || indexKey === undefined) continue;
    deleteValue(access, found.value.toString('utf8', SEAL_BYTES), found.value);
    deleteValue(access, indexKey, found.value);
  }
}
