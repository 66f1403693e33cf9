import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a program is, by one of its names; undefined, with a line that says so, when it is not on this machine. */
export function installedProgram(...names: readonly string[]): string | undefined {
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isExecutable);
  if (found === undefined) process.stderr.write(`${names[0] ?? ''} is not installed: what needs it is left out\n`);
  return found;
}

/**
 * `describe` or `it`, for what needs a program: left out where the program is missing, except on CI, where the test then
 * fails because it gets no program.
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
