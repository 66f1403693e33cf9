import { type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { composeErrorResponse, TOKEN_REPLY_HEADERS } from '../cells-authority/internal.js';
import { type UnreadRefusal } from './completed-requests.js';
import { requestIds } from './request-ids.js';
import { securityHeaders } from './security-headers.js';

export type ClientError = Error & { readonly code?: string };

/** Answers requests that no route sees, in JSON as the routes do. */
export class Refusals {
  readonly requestId = requestIds();
  readonly #headers: Readonly<Record<string, string>>;
  readonly #refused: (refusal: UnreadRefusal) => void;

  /** `refused` is called for each of them. */
  constructor(isTls: boolean, refused: (refusal: UnreadRefusal) => void) {
    this.#headers = { ...TOKEN_REPLY_HEADERS, ...securityHeaders(isTls) };
    this.#refused = refused;
  }

  /** Reports a refusal. @returns the headers for its answer. */
  report(refusal: UnreadRefusal): Readonly<Record<string, string>> {
    this.#refused(refusal);
    return { ...this.#headers, 'X-Request-Id': refusal.requestId };
  }

  /** Refuses a request and closes its connection. */
  refuse(response: ServerResponse, description: string, status = 400): void {
    const body = composeErrorResponse('invalid_request', description);
    const headers = this.report({ requestId: this.requestId(response.req), status });
    response.shouldKeepAlive = false;
    response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  }

  /** Answers, if possible, a request that Node's HTTP parser refused. There is no request object, only a socket. */
  refuseUnparsed({ code = '' }: ClientError, socket: Socket): void {
    if (!/^(?:HPE_|ERR_HTTP_)/.test(code) || socket.destroyed || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, reason, description] = clientErrorStatus(code);
    const body = composeErrorResponse('invalid_request', description);
    const headers = this.report({ requestId: this.requestId(), status });
    const lines = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    socket.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n${body}`);
  }
}

function clientErrorStatus(code: string): [number, string, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'Request Header Fields Too Large', 'The URL and headers are larger than 16 KiB'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'Request Timeout', 'The request was not sent in time'];
    default:
      return [400, 'Bad Request', 'The request is not valid HTTP'];
  }
}
