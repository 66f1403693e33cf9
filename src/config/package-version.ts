import { readFileSync } from 'node:fs';

/** The version in package.json, one folder above the compiled files. @param compiled URL of one of these files. */
export function packageVersion(compiled: string): string {
  const text = readFileSync(new URL('../package.json', compiled), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
