import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type Socket } from 'node:net';
import { type CellsGateway } from '../cells-gateway/cells-gateway.js';
import { UNKNOWN_EXPECTATION } from '../cells-gateway/gateway-failure.js';
import { expectsUnknown } from '../cells-gateway/request-body.js';
import { CLOSED_CONNECTIONS } from './closed-connections.js';
import { gatewayFirst } from './gateway-first.js';
import { hideQueries, withWholeUrls } from './hidden-queries.js';
import { limitConnections } from './max-connections.js';
import { oneAtATime } from './one-at-a-time.js';
import { type ClientError, type Refusals } from './refusals.js';
import { wellFramed } from './request-framing.js';
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

interface GuardedServerOptions {
  readonly refusals: Refusals;
  /** Default: plain HTTP. */
  readonly certificate?: TlsCertificate | undefined;
  /** Gets requests first. Its transfers have their own time limits. */
  readonly gateway?: () => CellsGateway | undefined;
  /** Default: what the open file limit allows. */
  readonly maxConnections?: number;
}

/** Makes a server that limits what clients can make it wait for and keep, and refuses what is not proper HTTP. */
export function guardedServer(
  answer: RequestListener,
  { refusals, certificate, gateway = () => undefined, maxConnections }: GuardedServerOptions,
): Server {
  const answerExpected: RequestListener = (request, response) => {
    if (!expectsUnknown(request)) answer(request, response);
    else refusals.refuse(response, UNKNOWN_EXPECTATION.description, UNKNOWN_EXPECTATION.status);
  };
  const framed = wellFramed(gatewayFirst(gateway, answerExpected), (response, description) => {
    refusals.refuse(response, description);
  });
  const listener = withWholeUrls(oneAtATime(framed));
  const server = certificate === undefined ? createServer(SERVER_OPTIONS) : httpsServer(certificate);
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, listener);
  const isTransfer = (socket: Socket) => gateway()?.carries(socket) === true;
  server.on('clientError', (error: ClientError, socket: Socket) => {
    // Node reports this once for each request and carries on.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && isTransfer(socket)) return;
    refusals.refuseUnparsed(error, socket);
  });
  // Node would leave out of `headers` what comes after the 1,000th field. All fields together have a limit anyway.
  server.maxHeadersCount = 0;
  hideQueries(server);
  limitConnections(server, maxConnections);
  destroyStuckConnections(server, isTransfer);
  return server;
}

function httpsServer(certificate: TlsCertificate): Server {
  const tls = { ...certificate.serverOptions, handshakeTimeout: REQUEST_TIMEOUT_MS };
  const server = createTlsServer({ ...SERVER_OPTIONS, ...tls });
  certificate.follow(server);
  return server;
}
