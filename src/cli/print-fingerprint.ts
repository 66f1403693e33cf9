import { fingerprintOf } from '../cells-authority/internal.js';
import { type Environment } from '../config/environment.js';

/**
 * Prints the fingerprint of a client id in the logs of all instances that have this `TOKEN_CACHE_SECRET`.
 *
 * @throws Error that says what is missing.
 */
export function printFingerprint({ authority }: Environment, clientId: string | undefined): void {
  if (clientId === undefined) throw new Error('fingerprint needs a Client ID: cells-authority fingerprint ID');
  const [secret] = authority.tokenCacheSecret?.split(',') ?? [];
  if (secret === undefined) {
    throw new Error('fingerprint needs TOKEN_CACHE_SECRET: without it each process makes a key of its own');
  }
  process.stdout.write(`${fingerprintOf(clientId, secret)}\n`);
}
