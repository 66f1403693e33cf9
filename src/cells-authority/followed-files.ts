import { readFile } from 'node:fs/promises';
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

  const check = async (): Promise<void> => {
    const texts = await Promise.all(files.map((file, nth) => readFile(file, 'utf8').catch(() => told[nth] ?? '')));
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

  const timer = setInterval(() => void check(), CHECK_INTERVAL_MS).unref();
  return () => {
    clearInterval(timer);
  };
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.every((text, nth) => text === other[nth]);
}
