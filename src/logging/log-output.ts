import { constants, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { type DestinationStream } from 'pino';
import sonicBoom from 'sonic-boom';

/** Lines wait for each other up to this many bytes, because a write costs as much as the rest of a line. */
const BATCH_BYTES = 4096;
/** And for this long at most. What could not be written is tried again this often, too. */
const FLUSH_INTERVAL_MS = 200;
/** Some 4,000 lines: what a reader may be behind before lines are dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** How long the end of the process waits for its last lines to be written. */
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
      maxLength: maxWaitingBytes,
      periodicFlush: FLUSH_INTERVAL_MS,
    });
    this.#file.on('drop', () => {
      this.#dropped += 1;
    });
    // A full disk or a closed pipe. The lines stay where they are and are tried again.
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

  /** Begins to write what waits. */
  flush(): void {
    this.#file.flush();
  }

  /** Resolves when the last line is written, when it cannot be, or after half a second. What is written later is lost. */
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
 * A file descriptor for standard output on which a write does not block where that can be had. A pipe does not block once
 * Node has made `process.stdout` of it; a terminal does, until it is opened anew.
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
