import { readFile } from 'node:fs/promises';

/**
 * The files are read again this often: events of the file system miss what is mounted, linked or moved into place, which
 * is how certificates and secrets are renewed.
 */
const CHECK_INTERVAL_MS = 1000;

/**
 * Tells when files have changed. What is still being written may look whole, so only what is there twice counts; a file
 * that is missing for a moment, because another is moved into its place, is as it was.
 *
 * @param initial the texts that are known already.
 * @param changed is told the texts of all the files, once for each change.
 * @returns ends it.
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
    changed(texts);
  };

  const timer = setInterval(() => void check(), CHECK_INTERVAL_MS).unref();
  return () => {
    clearInterval(timer);
  };
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.every((text, nth) => text === other[nth]);
}
