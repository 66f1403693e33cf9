import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

/** How the other side ended the connection: not at all, properly, or with an RST (or a TLS alert, a refusal, ...). */
export type Ending = 'open' | 'FIN' | { readonly error: string };

export interface RawAnswer {
  readonly text: string;
  readonly bytes: Buffer;
  /** When each piece arrived, in ms since the connection was requested. */
  readonly arrivals: readonly number[];
  readonly ending: Ending;
}

export interface RawRequestOptions {
  /** How long to wait for the other side to end the connection. Default: 20,000. */
  readonly waitMs?: number | undefined;
  /** Matches a complete answer, in case the connection stays open. */
  readonly until?: RegExp;
  /** Makes it a TLS client. */
  readonly tls?: ConnectionOptions;
}

/** Far more than the other side needs, even on a busy machine. */
const ENDED_WITHIN_MS = 20_000;
/** Long enough to see that a connection stays open after the answer. */
const AFTER_ANSWER_MS = 30;

/** Sends exactly these bytes and returns exactly what came back. */
export async function rawRequest(
  port: number,
  bytes: string | Buffer,
  { waitMs, until, tls }: RawRequestOptions = {},
): Promise<RawAnswer> {
  const started = performance.now();
  const client = new RawClient(port, tls);
  client.send(bytes);
  let text = '';
  client.socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (until?.test(text)) setTimeout(() => client.socket.destroy(), AFTER_ANSWER_MS);
  });
  const { ending, chunks } = await client.ended(waitMs);
  const all = Buffer.concat(chunks.map(({ chunk }) => chunk));
  return { text: all.toString('latin1'), bytes: all, arrivals: chunks.map(({ at }) => at - started), ending };
}

/** A connection to write and read byte by byte, for things that no HTTP client would do. */
export class RawClient {
  readonly socket: Socket;
  readonly #chunks: { readonly at: number; readonly chunk: Buffer }[] = [];
  #ending: Ending = 'open';

  constructor(port: number, tls?: ConnectionOptions) {
    const host = '127.0.0.1';
    this.socket = tls ? connectTls({ ...tls, port, host }) : connect(port, host);
    this.socket.on('data', (chunk: Buffer) => {
      this.#chunks.push({ at: performance.now(), chunk });
    });
    this.socket.on('end', () => {
      this.#ending = 'FIN';
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#ending = { error: error.code ?? error.message };
    });
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Resolves with the next piece that arrives. */
  async next(): Promise<string> {
    const [chunk] = (await once(this.socket, 'data')) as [Buffer];
    return chunk.toString('latin1');
  }

  /** Waits for the other side to end it, or ends it after `waitMs`. */
  async ended(waitMs = ENDED_WITHIN_MS): Promise<{ ending: Ending; chunks: readonly { at: number; chunk: Buffer }[] }> {
    const timer = setTimeout(() => this.socket.destroy(), waitMs);
    if (!this.socket.closed)
      await new Promise<void>((resolve) =>
        this.socket.once('close', () => {
          resolve();
        }),
      );
    clearTimeout(timer);
    return { ending: this.#ending, chunks: this.#chunks };
  }
}
