import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A call that the Cells API received. */
export interface CellsApiCall {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** Stands in for the Cells API: answers 200 to the tokens it accepts and 401 to all others, and records its calls. */
export class CellsApi {
  readonly calls: CellsApiCall[] = [];
  /** Whether a token is good. */
  accepts: (token: string) => boolean = () => true;
  /** Replaces all that if it returns true. */
  answer: (call: CellsApiCall, response: ServerResponse) => boolean = () => false;
  /** Resolves before each 401 is sent. */
  beforeRefusal: (nth: number) => Promise<void> = () => Promise.resolve();
  readonly #server: Server;
  #refusals = 0;

  /** Starts on a free loopback port. */
  static async start(): Promise<CellsApi> {
    const api = new CellsApi();
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request;
    const call = { method, path, authorization: headers.authorization, body: await text(request) };
    this.calls.push(call);
    if (this.answer(call, response)) return;
    const token = /^Bearer (.+)$/.exec(call.authorization ?? '')?.[1];
    const accepted = token !== undefined && this.accepts(token);
    if (!accepted) await this.beforeRefusal((this.#refusals += 1));
    response.writeHead(accepted ? 200 : 401, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(accepted ? { sheets: ['Sheet1'] } : { Message: 'Unauthorized' }));
  }
}
