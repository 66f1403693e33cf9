import { readFileSync } from 'node:fs';
import { followFiles } from '../cells-authority/internal.js';
import { type EnvironmentSource } from './environment.js';

/** The ending of a variable that names a file with the value. */
const FILE = '_FILE';

/** A value that was read from a file. */
interface SecretFile {
  readonly name: string;
  readonly file: string;
  readonly text: string;
}

/**
 * The environment with the contents of the files named by `NAME_FILE`, for secret variables. Orchestrators mount
 * secrets as files because child processes and crash reports show the environment. A line break at the end is removed.
 *
 * @throws Error that names each file that cannot be read, or whose variable is also set.
 */
export function withSecretFiles(source: EnvironmentSource, secrets: readonly string[]): EnvironmentSource {
  const files = secretFiles(source, secrets);
  return { ...source, ...Object.fromEntries(files.map(({ name, text }) => [name, text])) };
}

/** Watches the files of secrets. @returns a function that stops it. */
export function followSecretFiles(
  source: EnvironmentSource,
  secrets: readonly string[],
  changed: () => void,
): () => void {
  const files = secretFiles(source, secrets);
  return files.length === 0
    ? () => undefined
    : followFiles(
        files.map(({ file }) => file),
        files.map(({ text }) => text),
        changed,
      );
}

function secretFiles(source: EnvironmentSource, secrets: readonly string[]): SecretFile[] {
  const complaints: string[] = [];
  const files = secrets.flatMap((name): SecretFile[] => {
    const file = source[name + FILE]?.trim() ?? '';
    if (file === '') return [];
    if ((source[name]?.trim() ?? '') !== '') complaints.push(`${name} and ${name + FILE} are both set`);
    try {
      return [{ name, file, text: readFileSync(file, 'utf8') }];
    } catch (error) {
      const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
      complaints.push(`${name + FILE} cannot be read (${code})`);
      return [];
    }
  });
  if (complaints.length > 0) throw new Error(complaints.join('\n'));
  return files;
}
