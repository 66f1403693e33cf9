import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type Socket } from 'node:net';
import { type FastifyReply, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import { type Environment } from '../config/environment.js';
import { type CellsGateway } from '../cells-gateway/cells-gateway.js';
import { UNKNOWN_EXPECTATION } from '../cells-gateway/gateway-failure.js';
import { expectsUnknown } from '../cells-gateway/request-body.js';
import { CLOSED_CONNECTIONS } from './closed-connections.js';
import { type UnreadRefusal } from './completed-requests.js';
import { composeErrorResponse, MAX_BODY_BYTES, TOKEN_REPLY_HEADERS } from '../cells-authority/internal.js';
import { gatewayFirst } from './gateway-first.js';
import { hideQueries, withWholeUrls } from './hidden-queries.js';
import { limitConnections } from './max-connections.js';
import { oneAtATime } from './one-at-a-time.js';
import { requestIds } from './request-ids.js';
import { wellFramed } from './request-framing.js';
import { securityHeaders } from './security-headers.js';
import { destroyStuckConnections } from './stuck-connections.js';
import { type TlsCertificate } from './tls-certificate.js';

/** Limit for URL and headers together, which take a few hundred bytes in a token request. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Clients that have not sent the whole request by then are cut off. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Longer than the timeout of load balancers (AWS and nginx: 60 s), so that they are the ones to close. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

const SERVER_OPTIONS = {
  ...CLOSED_CONNECTIONS,
  // Checked elsewhere, because Node's own answer is not JSON.
  requireHostHeader: false,
  maxHeaderSize: MAX_HEAD_BYTES,
  headersTimeout: REQUEST_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
};

/**
 * Options for Fastify and its HTTP or HTTPS server. `refused` is called for refusals that no Fastify hook sees. The
 * gateway, if there is one, gets requests first.
 */
export function httpServerOptions(
  environment: Environment,
  certificate: TlsCertificate | undefined,
  refused: (refusal: UnreadRefusal) => void,
  gateway: () => CellsGateway | undefined,
): FastifyServerOptions {
  const headers = { ...TOKEN_REPLY_HEADERS, ...securityHeaders(certificate !== undefined) };
  const requestId = requestIds();
  const create = certificate === undefined ? httpServer : httpsServerFactory(certificate);

  function refuse(response: ServerResponse, description: string, status = 400): void {
    const id = requestId(response.req);
    const body = composeErrorResponse('invalid_request', description);
    response.shouldKeepAlive = false;
    response.writeHead(status, { ...headers, 'X-Request-Id': id, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
    refused({ requestId: id, status });
  }

  return {
    serverFactory: (answer) => {
      const answerExpected: RequestListener = (request, response) => {
        if (expectsUnknown(request)) refuse(response, UNKNOWN_EXPECTATION.description, UNKNOWN_EXPECTATION.status);
        else answer(request, response);
      };
      const listener = withWholeUrls(oneAtATime(wellFramed(gatewayFirst(gateway, answerExpected), refuse)));
      const server = create(listener).on('checkContinue', listener).on('checkExpectation', listener);
      // Node would leave out of `headers` what comes after the 1,000th field. All fields together have a limit anyway.
      server.maxHeadersCount = 0;
      hideQueries(server);
      limitConnections(server);
      destroyStuckConnections(server, (socket) => gateway()?.carries(socket) === true);
      return server;
    },
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: 'idle',
    // While the service is stopping, requests on open connections are still answered as usual.
    return503OnClosing: false,
    trustProxy: environment.TRUST_PROXY?.split(',').map((cidr) => cidr.trim()) ?? false,
    routerOptions: {
      ignoreDuplicateSlashes: true,
      // The library reads the query of token requests itself, more strictly. Other routes can read theirs from the URL.
      querystringParser: () => ({}),
    },
    requestIdHeader: false,
    genReqId: requestId,
    clientErrorHandler: (error: ClientError, socket: Socket) => {
      // Transfers have their own limits. Node reports this once for each request and carries on.
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && gateway()?.carries(socket) === true) return;
      const id = requestId();
      const status = answerClientError(error, socket, { ...headers, 'X-Request-Id': id });
      if (status !== undefined) refused({ requestId: id, status });
    },
    frameworkErrors: (_error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      refused({ requestId: request.id, status: 400 });
      void reply
        .code(400)
        .headers({ ...headers, 'X-Request-Id': request.id })
        .send(Buffer.from(composeErrorResponse('invalid_request', 'The URL is malformed')));
    },
  };
}

function httpServer(answer: RequestListener): Server {
  return createServer(SERVER_OPTIONS, answer);
}

function httpsServerFactory(certificate: TlsCertificate): (answer: RequestListener) => Server {
  return (answer) => {
    const tls = { ...certificate.serverOptions, handshakeTimeout: REQUEST_TIMEOUT_MS };
    const server = createTlsServer({ ...SERVER_OPTIONS, ...tls }, answer);
    certificate.follow(server);
    return server;
  };
}

type ClientError = Error & { readonly code?: string };

/**
 * Answers a request that Node's HTTP parser refused. There is no request object, only a socket. Returns the status, if
 * the client could be answered.
 */
function answerClientError(
  { code = '' }: ClientError,
  socket: Socket,
  headers: Readonly<Record<string, string>>,
): number | undefined {
  if (!/^(?:HPE_|ERR_HTTP_)/.test(code) || socket.destroyed || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  const [status, reason, description] = clientErrorStatus(code);
  const body = composeErrorResponse('invalid_request', description);
  const lines = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n${body}`);
  return status;
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
