import { type IncomingHttpHeaders } from 'node:http';
import { TransportFailure, transportFailureOf } from './transport-failure.js';

/** A complete answer of the authorization server, not yet judged. */
export interface UpstreamResponse {
  readonly status: number;
  /** The Retry-After header as it was sent. */
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/** Token responses are a few KiB; anything longer is not one. */
const MAX_RESPONSE_BYTES = 64 * 1024;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** The connection that an exchange uses. */
export interface ExchangeConnection {
  /** Whether it is open and has been used before. */
  readonly reused: boolean;
  /** Bytes received on it so far. */
  readonly bytesRead: number;
  destroy(failure: TransportFailure): void;
}

/** Ends a request that is under way. */
interface RequestController {
  abort(reason: Error): void;
}

/** One request and its answer on one connection; undici's dispatcher calls the `on…` methods. */
export class TokenExchange {
  readonly response: Promise<UpstreamResponse>;
  readonly #deadline: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #settle!: { resolve: (response: UpstreamResponse) => void; reject: (failure: TransportFailure) => void };
  #controller: RequestController | undefined;
  #failure: TransportFailure | undefined;
  #connection: ExchangeConnection | undefined;
  #reused = false;
  #bytesBefore = 0;
  #received = 0;
  #status = 0;
  #retryAfter: string | undefined;

  constructor(timeoutMs: number) {
    this.response = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#deadline = setTimeout(() => {
      this.#abort(new TransportFailure('timeout', false, 'DEADLINE'));
    }, timeoutMs);
  }

  /** Called with the connection that the request is sent on. */
  assignTo(connection: ExchangeConnection): void {
    this.#connection = connection;
    this.#reused = connection.reused;
    this.#bytesBefore = connection.bytesRead;
  }

  onRequestStart(controller: RequestController): void {
    this.#controller = controller;
    if (this.#failure !== undefined) controller.abort(this.#failure);
  }

  onResponseStart(_controller: RequestController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#retryAfter = headers['retry-after'];
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      this.#abort(new TransportFailure('invalid_response', false, 'CONTENT_ENCODING'));
    }
  }

  onResponseData(_controller: RequestController, chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#received > MAX_RESPONSE_BYTES) {
      this.#abort(new TransportFailure('invalid_response', false, 'RESPONSE_TOO_LARGE'));
    } else {
      this.#chunks.push(chunk);
    }
  }

  onResponseEnd(): void {
    clearTimeout(this.#deadline);
    try {
      const [first] = this.#chunks;
      const bytes = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
      this.#settle.resolve({ status: this.#status, retryAfter: this.#retryAfter, body: UTF8.decode(bytes) });
    } catch {
      this.#settle.reject(new TransportFailure('invalid_response', false, 'NOT_UTF8'));
    }
  }

  onResponseError(_controller: RequestController, error: Error): void {
    this.fail(error);
  }

  /** Ends the exchange with the failure that caused it, if known, or else with one made from this error. */
  fail(error: unknown): void {
    clearTimeout(this.#deadline);
    this.#settle.reject(this.#failure ?? transportFailureOf(error, this.#sawNothing()));
  }

  #abort(failure: TransportFailure): void {
    this.#failure ??= failure;
    // Destroys the connection because undici, after an aborted request, would open a new one for nothing.
    // Without a controller the request is still waiting for a connection; onRequestStart() aborts it then.
    if (this.#controller !== undefined) this.#connection?.destroy(failure);
    this.fail(failure);
  }

  /** Whether the server closed an idle connection just when it was used: no byte came back, so nothing was served. */
  #sawNothing(): boolean {
    return this.#reused && this.#connection?.bytesRead === this.#bytesBefore;
  }
}
