import { randomBytes } from 'node:crypto';
import { type IncomingMessage, type Server } from 'node:http';
import { type Socket } from 'node:net';
import { type FastifyHttpOptions, type FastifyReply } from 'fastify';
import { type Environment } from '../config/environment.js';
import { errorBody, ERROR_HEADERS } from './error-reply.js';

/** Bodies, and URLs with their headers, end here: a token request is a few hundred bytes. */
const MAX_BYTES = 16 * 1024;
/** Whoever has not sent a whole request by then is cut off. */
const REQUEST_TIMEOUT_MS = 10_000;
const SANE_REQUEST_ID = /^[\w.:-]{1,64}$/;

/** What the HTTP server is made with. */
export function httpServerOptions(environment: Environment): FastifyHttpOptions<Server> {
  return {
    logger: false,
    bodyLimit: MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: {
      maxHeaderSize: MAX_BYTES,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 1000,
    },
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    // What still comes in on an open connection while the service stops is answered like everything else.
    return503OnClosing: false,
    trustProxy: environment.TRUST_PROXY?.split(',').map((cidr) => cidr.trim()) ?? false,
    routerOptions: { ignoreDuplicateSlashes: true },
    requestIdHeader: false,
    genReqId: requestIds(),
    clientErrorHandler: answerClientError,
    frameworkErrors: (_error, _request, reply: FastifyReply) => {
      void reply.code(400).headers(ERROR_HEADERS).send(Buffer.from(errorBody('invalid_request', 'The URL is malformed')));
    },
  };
}

/** The caller's X-Request-Id when it cannot do harm in a log, or else one of our own. */
function requestIds(): (request: IncomingMessage) => string {
  const prefix = randomBytes(6).toString('base64url');
  let count = 0;
  return (request) => {
    const given = request.headers['x-request-id'];
    return typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : `${prefix}-${(count += 1)}`;
  };
}

/** Answers what Node's HTTP parser refused: there is no request yet, just a socket. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason, description] = clientErrorStatus(error.code);
  const body = errorBody('invalid_request', description);
  const headers = Object.entries({ ...ERROR_HEADERS, 'Content-Length': Buffer.byteLength(body), Connection: 'close' });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}

function clientErrorStatus(code: string | undefined): [number, string, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'Request Header Fields Too Large', 'The URL and headers are larger than 16 KiB'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'Request Timeout', 'The request was not sent in time'];
    default:
      return [400, 'Bad Request', 'The request is not valid HTTP'];
  }
}
