import { type ClientRequest, type IncomingMessage, type InformationEvent, type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { requestHeaders, responseHeaders } from './forwarded-headers.js';
import {
  failureOf,
  type GatewayFailure,
  type GatewayOutcome,
  IDLE_TIMEOUT,
  INVALID_RESPONSE,
  RESPONSE_TIMEOUT,
} from './gateway-failure.js';
import { KeptBody, type KeptBodies, mayBeKept } from './kept-body.js';
import { type CellsApiPath } from './request-target.js';
import { type BodyFraming, endBeforeBody, hasBody } from './request-body.js';
import { type RequestToken } from './request-token.js';
import { type UpstreamConnections } from './upstream-connections.js';

export interface TransferTerms {
  readonly connections: UpstreamConnections;
  readonly upstream: URL;
  readonly maxBodyBytes: number;
  /** The answer to a larger body. */
  readonly tooLarge: GatewayFailure;
  /** Milliseconds from the end of the request until the headers of the response arrive. */
  readonly timeoutMs: number;
  /** A transfer without a byte in either direction ends after this many milliseconds. */
  readonly idleTimeoutMs: number;
  readonly keptBodies: KeptBodies;
}

/** A request to the Cells API. */
export interface ReceivedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** Absent if the path cannot be passed on. */
  readonly api: CellsApiPath | undefined;
}

/** A request that may be passed on. */
export interface AcceptedRequest extends ReceivedRequest {
  readonly target: string;
  readonly framing: BodyFraming;
  /** Absent if the client sent none. */
  readonly token: RequestToken | undefined;
}

/** How a transfer ended. */
export interface TransferEnd {
  readonly outcome: GatewayOutcome;
  /** Whether it failed while the answer was being sent. */
  readonly cut: boolean;
  /** Milliseconds until the headers of the answer arrived, if they did. */
  readonly headersMs: number | undefined;
  readonly wholeMs: number;
}

const NO_BYTES = Buffer.alloc(0);
const IDEMPOTENT = new Set(['GET', 'HEAD']);
/** Bytes. A refusal up to this size is read and discarded to keep its connection usable. */
const LONGEST_REFUSAL = 64 * 1024;
/** Of an early hint; longer ones are not passed on. */
const LONGEST_LINK = 1000;
const MOST_LINK_PARAMETERS = 8;

/** Passes one request and its response through, at the pace of the slower side. */
export class Transfer {
  bytesUp = 0;
  bytesDown = 0;
  /** Its index among all transfers under way. */
  place = 0;
  readonly #startedAt = performance.now();
  readonly #hasBody: boolean;
  #upstream: ClientRequest | undefined;
  /** The request that was refused and then repeated with another token. */
  #refused: ClientRequest | undefined;
  #answer: IncomingMessage | undefined;
  #resent = false;
  /** Kept in case the request has to be sent again with another token. */
  #keptBody: KeptBody | undefined;
  /** Whether the refusal waits while another token is fetched. */
  #awaitsToken = false;
  /** Whether the whole request has been sent. */
  #sent = false;
  #ended = false;
  #headersMs: number | undefined;
  #sentAt = 0;
  #movedBytes = 0;
  #movedAt = this.#startedAt;

  constructor(
    private readonly terms: TransferTerms,
    private readonly accepted: AcceptedRequest,
    /** Headers that continue the trace, if there is one. */
    private readonly trace: Readonly<Record<string, string>> | undefined,
    /** Answers instead of the Cells API. */
    private readonly refuse: (failure: GatewayFailure) => void,
    private readonly onEnd: (end: TransferEnd) => void,
  ) {
    this.#hasBody = hasBody(accepted.framing);
  }

  /** The client's connection. */
  get socket(): Socket {
    return this.accepted.request.socket;
  }

  start(): void {
    const { request, response } = this.accepted;
    response.once('close', () => {
      this.#clientClosed();
    });
    if (this.#hasBody) {
      // A response that waits behind another one on its connection gets no event when the connection is gone.
      request.once('close', () => {
        if (!request.complete) this.#clientClosed();
      });
    }
    const chosen = this.accepted.token?.choose();
    if (chosen === undefined) this.#sendWithBody();
    else
      this.#when(chosen, () => {
        this.#sendWithBody();
      });
  }

  #sendWithBody(): void {
    const { request, token, framing } = this.accepted;
    this.#send();
    if (!this.#hasBody) return;
    if (token?.inSession === true && mayBeKept(framing)) this.#keptBody = new KeptBody(this.terms.keptBodies);
    request.on('data', (chunk: Buffer) => {
      this.#pass(chunk);
    });
    request.once('end', () => {
      this.#upstream?.end();
    });
  }

  /** Continues with the result of a promise, unless the transfer has ended by then. */
  #when<T>(coming: Promise<T>, goOn: (come: T) => void): void {
    coming.then(
      (come) => {
        if (!this.#ended) goOn(come);
      },
      (error: unknown) => {
        this.fail(failureOf(error));
      },
    );
  }

  /**
   * Ends the transfer if the client is gone, the answer takes too long or nothing has moved for too long. Must be
   * called often: while a client has to wait its socket is not read, so a reset goes unnoticed until something is
   * written, even if that is nothing.
   */
  check(now: number): void {
    const { request } = this.accepted;
    if (request.isPaused() && this.socket.writable && this.socket.writableLength === 0) this.socket.write(NO_BYTES);
    if (this.#sent && this.#answer === undefined) {
      this.#movedAt = now;
      if (now - this.#sentAt >= this.terms.timeoutMs) this.fail(RESPONSE_TIMEOUT);
      return;
    }
    const moved = this.bytesUp + this.bytesDown;
    if (moved !== this.#movedBytes) {
      this.#movedBytes = moved;
      this.#movedAt = now;
    } else if (now - this.#movedAt >= this.terms.idleTimeoutMs) {
      this.fail(IDLE_TIMEOUT);
    }
  }

  /** Ends the transfer with an answer or, if one has begun, breaks the connection so that it does not look complete. */
  fail(failure: GatewayFailure): void {
    if (this.#ended) return;
    const { request, response } = this.accepted;
    const cut = response.headersSent;
    if (cut) breakConnection(request.socket);
    else this.refuse(failure);
    this.#end(failure.outcome, cut);
  }

  #send(): void {
    const { request, target, requestId, framing } = this.accepted;
    const { connections, upstream } = this.terms;
    const method = request.method ?? '';
    const headers = requestHeaders(request, {
      host: upstream.host,
      requestId,
      framing: framingHeader(framing, method),
      token: this.accepted.token?.replacement,
      trace: this.trace,
    });
    let sent: ClientRequest;
    try {
      sent = connections.open({ method, path: target, headers, ownConnection: this.#resent });
    } catch (error) {
      // Node refuses to send what has characters that no header may have.
      this.fail(failureOf(error));
      return;
    }
    this.#upstream = sent;
    sent.once('response', (answer) => {
      this.#passBack(answer);
    });
    sent.on('information', (information) => {
      this.#passInformation(information);
    });
    sent.on('error', (error) => {
      this.#upstreamFailed(sent, error);
    });
    // Usually after an error, but sometimes without one, such as after a switch of protocols.
    sent.once('close', () => {
      if (sent === this.#upstream && this.#answer === undefined) this.fail(failureOf(undefined));
    });
    if (!this.#hasBody) {
      sent.end();
      this.#awaitAnswer();
      return;
    }
    sent.on('drain', () => request.resume());
    sent.once('finish', () => {
      this.#awaitAnswer();
    });
  }

  #pass(chunk: Buffer): void {
    if (this.#ended) return;
    this.bytesUp += chunk.length;
    this.#keptBody?.add(chunk);
    if (this.bytesUp > this.terms.maxBodyBytes) this.fail(this.terms.tooLarge);
    else if (this.#upstream?.write(chunk) === false) this.accepted.request.pause();
  }

  #awaitAnswer(): void {
    this.#sent = true;
    this.#sentAt = performance.now();
  }

  #upstreamFailed(failed: ClientRequest, error: Error): void {
    if (failed !== this.#upstream || this.#ended) return;
    // The API answered early and then closed the connection while the body was still being sent.
    if (this.#answer?.complete === true || this.#awaitsToken) return;
    if (this.#mayBeSentAgain(failed)) {
      this.#resent = true;
      this.#send();
    } else {
      this.fail(failureOf(error));
    }
  }

  /** Whether the Cells API closed a kept connection just when it was used: no byte came back, so nothing was served. */
  #mayBeSentAgain(failed: ClientRequest): boolean {
    return !this.#hasBody && IDEMPOTENT.has(failed.method) && this.terms.connections.wasDead(failed);
  }

  /** Passes on interim responses (RFC 9110 §15.2) that Node can send. `100 Continue` is only for the gateway. */
  #passInformation({ statusCode, headers }: InformationEvent): void {
    const { request, response } = this.accepted;
    if (this.#ended || response.headersSent || request.httpVersion === '1.0') return;
    // They can be left out, and would pile up for a client that does not read them.
    if (response.writableLength > 0) return;
    if (statusCode === 102) response.writeProcessing();
    const { link } = headers;
    if (statusCode !== 103 || typeof link !== 'string' || !isQuicklyChecked(link)) return;
    try {
      response.writeEarlyHints({ link });
    } catch {
      // Node considers the Link malformed. It is only a hint and can be left out.
    }
  }

  #passBack(answer: IncomingMessage): void {
    if (this.#ended) return;
    if (answer.statusCode === 101) {
      // A switch of protocols, which no request asked for.
      this.fail(INVALID_RESPONSE);
      return;
    }
    this.#answer = answer;
    this.#headersMs = performance.now() - this.#startedAt;
    const replaced = answer.statusCode === 401 ? this.accepted.token?.refused(this.#repeatable) : undefined;
    if (replaced === undefined) this.#passOn(answer);
    else this.#repeatWhen(replaced, answer);
  }

  /** A body of known length fits even if part of it is still to come; one without a length must be complete. */
  get #repeatable(): boolean {
    const { framing, request } = this.accepted;
    if (!this.#hasBody) return true;
    return this.#keptBody?.bytes !== undefined && (framing.kind === 'length' || request.readableEnded);
  }

  /** Sends the request again if there is another token, or else passes the refusal on. */
  #repeatWhen(replaced: Promise<boolean>, refusal: IncomingMessage): void {
    // Checked below: it may be incomplete.
    refusal.on('error', () => undefined);
    this.#awaitsToken = true;
    this.#when(replaced, (again) => {
      this.#awaitsToken = false;
      if (again) this.#repeat(refusal);
      else if (refusal.destroyed && !refusal.complete) this.fail(failureOf(undefined));
      else this.#passOn(refusal);
    });
  }

  #repeat(refusal: IncomingMessage): void {
    const { request } = this.accepted;
    this.#refused = this.#upstream;
    if (this.#sent && Number(refusal.headers['content-length'] ?? Infinity) <= LONGEST_REFUSAL) refusal.resume();
    else this.#refused?.destroy();
    this.#answer = undefined;
    this.#sent = false;
    this.#send();
    const kept = this.#keptBody?.bytes;
    if (kept === undefined) return;
    this.#upstream?.write(kept);
    if (request.readableEnded) this.#upstream?.end();
    else request.resume();
  }

  #passOn(answer: IncomingMessage): void {
    this.#keptBody?.drop();
    const { response, requestId } = this.accepted;
    const { statusCode = 0, statusMessage = '', rawHeaders, httpVersion } = answer;
    try {
      response.sendDate = false;
      const headers = responseHeaders({ statusCode, rawHeaders, httpVersion }, requestId, this.terms.upstream.origin);
      response.writeHead(statusCode, statusMessage, headers);
    } catch (error) {
      // Node keeps a text that it refused, and would refuse it again in our own answer.
      response.statusMessage = '';
      this.fail(failureOf(error));
      return;
    }
    answer.on('data', (chunk: Buffer) => {
      this.bytesDown += chunk.length;
      if (response.write(chunk)) return;
      answer.pause();
      response.once('drain', () => answer.resume());
    });
    answer.once('end', () => {
      this.#answered();
    });
    answer.on('error', (error) => {
      this.fail(failureOf(error));
    });
    // Sends the headers now, unless they go out with the body in this tick. As bytes: with text Node would send both in
    // UTF-8.
    setImmediate(() => {
      if (!this.#ended && this.bytesDown === 0 && !response.writableEnded) response.write(NO_BYTES);
    });
  }

  #answered(): void {
    const { request, response } = this.accepted;
    if (this.#ended) return;
    if (!this.#hasBody || this.#sent) {
      response.end();
      return;
    }
    // The answer came early; the rest of the body is no longer wanted.
    this.#upstream?.destroy();
    this.#end('passed');
    // Sends the headers, if there was no body to send them with.
    response.write(NO_BYTES);
    endBeforeBody(request, response);
  }

  #clientClosed(): void {
    if (this.#ended) return;
    const { response } = this.accepted;
    if (response.writableFinished) this.#end('passed');
    else this.#end('client_gone', response.headersSent);
  }

  #end(outcome: GatewayOutcome, cut = false): void {
    this.#ended = true;
    this.#keptBody?.drop();
    if (outcome !== 'passed') this.#upstream?.destroy();
    // Its answer may still be coming.
    this.#refused?.destroy();
    this.onEnd({ outcome, cut, headersMs: this.#headersMs, wholeMs: performance.now() - this.#startedAt });
  }
}

/**
 * Whether Node checks a Link in no time. Its regular expression can read each `=` in two ways, and tries all of their
 * combinations for a Link that is malformed.
 */
function isQuicklyChecked(link: string): boolean {
  return link.length <= LONGEST_LINK && link.split('=').length <= MOST_LINK_PARAMETERS;
}

function framingHeader(framing: BodyFraming, method: string): readonly [string, string] | undefined {
  if (framing.kind === 'length') return ['Content-Length', String(framing.length)];
  if (framing.kind === 'chunked') return ['Transfer-Encoding', 'chunked'];
  // Otherwise Node would announce a chunked body.
  return method === 'POST' || method === 'PUT' || method === 'PATCH' ? ['Content-Length', '0'] : undefined;
}

/** Resets the connection if possible: a body without a length ends with its connection, and must not look complete. */
function breakConnection(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}
