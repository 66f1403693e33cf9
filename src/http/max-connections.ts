import { readFileSync } from 'node:fs';
import { type Server } from 'node:http';
import { Logger } from '@nestjs/common';

/** An open connection takes about 10 KiB, so this many take less than half of the memory that the image allows. */
const MOST = 8192;
/** Part of the process' open file limit; the rest is for the authorization server, Redis and the disk. */
const SHARE_OF_OPEN_FILES = 0.75;
/** The default on Linux. */
const USUAL_OPEN_FILES = 1024;
const WARN_EVERY_MS = 60_000;

/** Limits connections to `most`, and to what the open file limit allows. Further ones are closed at once. */
export function limitConnections(server: Server, most = MOST): void {
  server.maxConnections = Math.min(most, Math.floor(openFilesLimit() * SHARE_OF_OPEN_FILES));
  const logger = new Logger('Connections');
  let warnedAt = -Infinity;
  server.on('drop', () => {
    if (performance.now() - warnedAt < WARN_EVERY_MS) return;
    warnedAt = performance.now();
    logger.warn(`Connections are refused: ${server.maxConnections} are open, which is the most that is allowed`);
  });
}

function openFilesLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? USUAL_OPEN_FILES : limit === 'unlimited' ? Infinity : Number(limit);
  } catch {
    return USUAL_OPEN_FILES;
  }
}
