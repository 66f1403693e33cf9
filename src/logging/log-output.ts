import { constants, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { type DestinationStream } from 'pino';
import sonicBoom from 'sonic-boom';

/** Lines are written together, from this many bytes on, because another thread is woken for every write. */
const BATCH_BYTES = 16 * 1024;
/** A single write. */
const MAX_WRITE_BYTES = 64 * 1024;
/** Lines wait this long at most. Failed writes are tried again this often, too. */
const FLUSH_INTERVAL_MS = 200;
/** About 4,000 lines. If the reader falls further behind, lines are dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** How long the process waits at its end for the last lines to be written. */
const LAST_FLUSH_MS = 500;

/**
 * Writes log lines without ever blocking, throwing or ending the process. Lines that cannot be written wait, up to a
 * bound; beyond it new lines are dropped and counted.
 */
export class LogOutput implements DestinationStream {
  readonly #file: sonicBoom.SonicBoom;
  #dropped = 0;
  #droppedBeforeLastReport = 0;
  #ended = false;

  constructor(fd: number, maxWaitingBytes = MAX_WAITING_BYTES) {
    this.#file = new sonicBoom.SonicBoom({
      fd,
      sync: false,
      minLength: BATCH_BYTES,
      maxWrite: MAX_WRITE_BYTES,
      maxLength: maxWaitingBytes,
      periodicFlush: FLUSH_INTERVAL_MS,
    });
    this.#file.on('drop', () => {
      this.#dropped += 1;
    });
    // A full disk or a closed pipe. The lines are kept and tried again.
    this.#file.on('error', () => undefined);
  }

  /** Lines that were dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    if (!this.#ended) this.#file.write(line);
  }

  /** Calls back when lines can be written again, with how many were dropped since the last time. */
  onRecovery(report: (dropped: number) => void): void {
    this.#file.on('drain', () => {
      const dropped = this.#dropped - this.#droppedBeforeLastReport;
      if (dropped === 0) return;
      this.#droppedBeforeLastReport = this.#dropped;
      report(dropped);
    });
  }

  /** Begins to write waiting lines. */
  flush(): void {
    this.#file.flush();
  }

  /** Resolves when the last line is written, cannot be written, or after half a second. Later lines are lost. */
  async end(): Promise<void> {
    this.#ended = true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LAST_FLUSH_MS);
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#file.once('close', end).once('error', end);
      this.#file.end();
    });
  }
}

/**
 * A file descriptor for standard output that does not block, if possible. A pipe does not block once Node has made
 * `process.stdout` of it; a terminal does, unless it is opened again.
 */
export function standardOutput(): number {
  const { fd } = process.stdout;
  if (!isatty(fd)) return fd;
  try {
    return openSync('/dev/stdout', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd;
  }
}
