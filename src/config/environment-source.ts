import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { type EnvironmentSource } from './environment.js';

/**
 * The process's environment and, for variables that it does not set, a file `.env` in the current folder. The file sets
 * variables of the service alone: Node's, which could turn the verification of certificates off, are not taken from it.
 *
 * @throws Error when there is such a file and it cannot be read.
 */
export function environmentSource(): EnvironmentSource {
  let text: string;
  try {
    text = readFileSync('.env', 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'ENOENT') return process.env;
    throw new Error(`.env cannot be read (${code})`, { cause: error });
  }
  // Some editors begin a file with a byte order mark, which would become part of the first name.
  return { ...parseEnv(text.replace(/^\uFEFF/, '')), ...process.env };
}
