import { type Logger } from 'pino';

const WINDOW_MS = 60_000;
/** Lines of one kind about one client, per window. */
const PER_CLIENT = 5;
/** Lines of one kind about all clients, per window. */
const PER_KIND = 300;

interface Window {
  readonly endsAt: number;
  readonly linesOf: Map<string, number>;
  lines: number;
  omitted: number;
}

/**
 * Leaves out repeated lines, so that a client that keeps sending requests cannot fill the disk: each kind gets a few
 * lines a minute per client and a bounded number in all. A line at the end of the minute says how many were left out.
 */
export class RepeatedLines {
  readonly #windows = new Map<string, Window>();

  constructor(
    private readonly logger: Logger,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Writes the line, or counts it.
   *
   * @param kind one of a closed set.
   * @param client identifies the client; `undefined` if it is not known.
   */
  write(kind: string, client: string | undefined, write: () => void): void {
    const window = this.#window(kind);
    const ofClient = client === undefined ? 1 : (window.linesOf.get(client) ?? 0) + 1;
    if (window.lines >= PER_KIND || ofClient > PER_CLIENT) {
      if (window.omitted === 0) this.#reportAtTheEnd(kind, window);
      window.omitted += 1;
      return;
    }
    window.lines += 1;
    if (client !== undefined) window.linesOf.set(client, ofClient);
    write();
  }

  #window(kind: string): Window {
    const current = this.#windows.get(kind);
    if (current !== undefined && this.now() < current.endsAt) return current;
    const next = { endsAt: this.now() + WINDOW_MS, linesOf: new Map<string, number>(), lines: 0, omitted: 0 };
    this.#windows.set(kind, next);
    return next;
  }

  #reportAtTheEnd(kind: string, window: Window): void {
    setTimeout(() => {
      this.logger.info(
        { event: 'lines_omitted', of: kind, lines: window.omitted },
        'More lines of this kind were left out',
      );
    }, window.endsAt - this.now()).unref();
  }
}
