import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { type EnvironmentSource } from './environment.js';

/**
 * The environment of the process and, for variables not set there, a file `.env` in the current folder. Only the
 * service's own variables are read from the file: Node's could turn off the verification of certificates.
 *
 * @throws Error when the file exists but cannot be read.
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
  // Some editors write a byte order mark, which would become part of the first name.
  return { ...parseEnv(text.replace(/^\uFEFF/, '')), ...process.env };
}
