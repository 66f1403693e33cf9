import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a program is, by one of its names. If it is not installed, prints a line and returns `undefined`. */
export function installedProgram(...names: readonly string[]): string | undefined {
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isExecutable);
  if (found === undefined) process.stderr.write(`${names[0] ?? ''} is not installed: what needs it is left out\n`);
  return found;
}

/**
 * `describe` or `it` for tests that need a program. They are skipped if it is missing, except on CI, where they fail.
 */
export function mustRun(program: string | undefined): boolean {
  return program !== undefined || process.env.CI === 'true';
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
