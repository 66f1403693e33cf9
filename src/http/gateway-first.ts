import { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type CellsGateway } from '../cells-gateway/cells-gateway.js';
import { expectsContinue } from '../cells-gateway/request-body.js';

/**
 * Hands requests to the gateway before Fastify sees them. Fastify's router decodes paths and refuses some, but the
 * gateway must judge and pass on the original ones. Works for `checkContinue` and `checkExpectation` as well as for
 * `request`.
 */
export function gatewayFirst(gateway: () => CellsGateway | undefined, answer: RequestListener): RequestListener {
  return (request: IncomingMessage, response: ServerResponse & { req: IncomingMessage }) => {
    if (gateway()?.take(request, response) === true) return;
    if (expectsContinue(request)) response.writeContinue();
    answer(request, response);
  };
}
