import { type DestinationStream } from 'pino';

const BATCH_LENGTH = 8192;
const LONGEST_WAIT_MS = 200;

/**
 * Writes lines together, because each write costs as much as the rest of a line; none waits longer than a fifth of a
 * second. Pino's own batches copy all that they hold with every line.
 */
export class LineBatches implements DestinationStream {
  readonly #lines: string[] = [];
  #length = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly destination: DestinationStream) {}

  write(line: string): void {
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#length >= BATCH_LENGTH) this.flush();
    else
      this.#timer ??= setTimeout(() => {
        this.flush();
      }, LONGEST_WAIT_MS).unref();
  }

  /** Pino calls this from its own `flush`. */
  flush(done?: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#lines.join('');
    this.#lines.length = 0;
    this.#length = 0;
    if (batch !== '') this.destination.write(batch);
    done?.();
  }
}
