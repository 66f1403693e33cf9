import { type FastifyReply, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import { type Environment } from '../config/environment.js';
import { type CellsGateway } from '../cells-gateway/cells-gateway.js';
import { composeErrorResponse, MAX_BODY_BYTES } from '../cells-authority/internal.js';
import { type UnreadRefusal } from './completed-requests.js';
import { guardedServer } from './guarded-server.js';
import { Refusals } from './refusals.js';
import { type TlsCertificate } from './tls-certificate.js';

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
  const refusals = new Refusals(certificate !== undefined, refused);
  return {
    serverFactory: (answer) => guardedServer(answer, { refusals, certificate, gateway }),
    clientErrorHandler: () => {
      // The server answers these itself.
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
    genReqId: refusals.requestId,
    frameworkErrors: (_error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      void reply
        .code(400)
        .headers(refusals.report({ requestId: request.id, status: 400 }))
        .send(Buffer.from(composeErrorResponse('invalid_request', 'The URL is malformed')));
    },
  };
}
