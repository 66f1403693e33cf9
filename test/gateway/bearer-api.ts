import { type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { HttpUpstream } from './test-gateway.js';

/** A call that the Cells API received. */
export interface BearerCall {
  readonly method: string;
  readonly token: string;
  readonly body: Buffer;
}

/** Stands in for the Cells API: refuses given tokens and records its calls. */
export class BearerApi {
  readonly calls: BearerCall[] = [];
  readonly refused = new Set<string>();
  /** The status of a refusal. */
  refusal = 401;
  /** Whether a refusal is sent before the body has arrived. */
  refusesEarly = false;
  /** Resolves before each refusal is sent. */
  beforeRefusal: () => Promise<void> = () => Promise.resolve();

  private constructor(readonly upstream: HttpUpstream) {}

  static async start(): Promise<BearerApi> {
    const handle = { request: (request: IncomingMessage): Promise<number> => Promise.reject(new Error(request.url)) };
    const upstream = await HttpUpstream.start((request, response) => {
      handle.request(request).then(
        (status) => response.writeHead(status).end(`api ${status}`),
        () => response.destroy(),
      );
    });
    const api = new BearerApi(upstream);
    handle.request = (request) => api.#handle(request);
    return api;
  }

  get origin(): string {
    return this.upstream.origin;
  }

  /** Returns the tokens of the calls so far, and forgets them. */
  takeTokens(): string[] {
    return this.calls.splice(0).map(({ token }) => token);
  }

  async close(): Promise<void> {
    await this.upstream.close();
  }

  async #handle(request: IncomingMessage): Promise<number> {
    const token = request.headers.authorization?.slice('Bearer '.length) ?? '';
    const refused = this.refused.has(token);
    const body = refused && this.refusesEarly ? Buffer.alloc(0) : await buffer(request);
    this.calls.push({ method: request.method ?? '', token, body });
    if (!refused) return 200;
    await this.beforeRefusal();
    request.resume();
    return this.refusal;
  }
}
