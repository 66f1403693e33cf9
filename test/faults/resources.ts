import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const WATCHED = /^(?:TCP|TLS|Timeout$|GetAddrInfo)/;

/** Sockets, servers, name look-ups and timers of this process at the moment. */
export function tcpAndTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => WATCHED.test(resource)).length;
}

/** Resolves once the condition holds; waits until the test's time limit. */
export async function settled(isSo: () => boolean, withinMs = 25_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`still not so after ${withinMs} ms: ${isSo.toString()}`);
    await delay(10);
  }
}

/** Writes PEM text to a file, for a setting to name. */
export function caFile(pem: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'cells-authority-')), 'ca.pem');
  writeFileSync(file, pem);
  return file;
}
