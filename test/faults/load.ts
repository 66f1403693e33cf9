import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface LoadReply {
  readonly status: number;
  readonly connection: string | undefined;
  readonly body: string;
  /** When it was complete, by `performance.now()`. */
  readonly at: number;
}

const KEPT_ALIVE_MS = 60_000;

/** Sends requests over connections that are kept alive, as an SDK's HTTP client does. */
export class KeepAliveClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64, timeout: KEPT_ALIVE_MS, scheduling: 'fifo' });

  async post(origin: string, path: string, body: string): Promise<LoadReply> {
    return this.#send(origin, path, 'POST', body);
  }

  async get(origin: string, path: string): Promise<LoadReply> {
    return this.#send(origin, path, 'GET');
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(origin: string, path: string, method: string, body?: string): Promise<LoadReply> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(origin);
      const headers =
        body === undefined
          ? {}
          : { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(body) };
      const outgoing = request(
        { hostname, port, path, method, headers, agent: this.#agent },
        (reply: IncomingMessage) => {
          text(reply).then((received) => {
            resolve({
              status: reply.statusCode ?? 0,
              connection: reply.headers.connection,
              body: received,
              at: performance.now(),
            });
          }, reject);
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

/** Calls `send` so many times a second until told to stop, whatever became of the calls before. */
export async function loadUntil(perSecond: number, stop: () => boolean, send: (nth: number) => void): Promise<void> {
  const started = performance.now();
  for (let sent = 0; !stop();) {
    const due = ((performance.now() - started) / 1000) * perSecond;
    for (; sent < due; sent += 1) send(sent);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
