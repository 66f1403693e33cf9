import { readFile, stat } from 'node:fs/promises';
import { Logger } from '@nestjs/common';

/**
 * How often the files are read again. File system events would miss files that are mounted, linked or moved into place,
 * which is how certificates and secrets are renewed.
 */
const CHECK_INTERVAL_MS = 1000;

/**
 * Watches files for changes. A file that is still being written may look complete, so a text counts only when it is
 * read twice in a row. A file that is missing for a moment, while it is being replaced, counts as unchanged.
 *
 * @param initial the texts that are already known.
 * @param changed called with the texts of all files, once for each change. If it throws, the log says so.
 * @returns a function that stops it.
 */
export function followFiles(
  files: readonly string[],
  initial: readonly string[],
  changed: (texts: readonly string[]) => void,
): () => void {
  let told = initial;
  let lastRead = initial;
  let isChecking = false;

  const check = async (): Promise<void> => {
    const texts = await Promise.all(files.map((file, nth) => readInTurn(file).catch(() => told[nth] ?? '')));
    const isSettled = isSame(texts, lastRead);
    lastRead = texts;
    if (!isSettled || isSame(texts, told)) return;
    told = texts;
    try {
      changed(texts);
    } catch (error) {
      // Its message may quote a file, which may hold a secret.
      const reason = error instanceof Error ? error.name : typeof error;
      new Logger('CellsAuthority').warn(`Could not use the changed contents of ${files.join(' and ')} (${reason})`);
    }
  };

  const timer = setInterval(() => {
    if (isChecking) return;
    isChecking = true;
    void check().finally(() => {
      isChecking = false;
    });
  }, CHECK_INTERVAL_MS).unref();
  return () => {
    clearInterval(timer);
  };
}

let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * Reads one file at a time in the whole process. A network mount that hangs would otherwise take all of Node's few
 * threads for files, which look up host names as well. Until it goes on, no change of any file is noticed.
 */
function readInTurn(file: string): Promise<string> {
  const text = lastTurn.then(() => readRegular(file));
  lastTurn = text.catch(() => undefined);
  return text;
}

/** Does not open pipes and devices, which may never come to an end. */
async function readRegular(file: string): Promise<string> {
  if (!(await stat(file)).isFile()) throw new Error('not a regular file');
  return readFile(file, 'utf8');
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.every((text, nth) => text === other[nth]);
}
