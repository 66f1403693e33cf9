import { type FastifyInstance } from 'fastify';
import { type Logger } from 'pino';
import { RepeatedLines } from '../logging/repeated-lines.js';
import { type RequestMeter } from '../metrics/request-meter.js';
import { TOKEN_ROUTES } from './token-routes.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** By `performance.now()`. */
    arrivedAt: number;
  }
}

/** A request that was refused before it could be read, so nothing is known about it. */
export interface UnreadRefusal {
  readonly requestId: string;
  readonly status: number;
}

/** Counts and logs refusals that Fastify's hooks do not see. */
export function unreadRefusals(meter: () => RequestMeter, logger: Logger): (refusal: UnreadRefusal) => void {
  const lines = new RepeatedLines(logger);
  return ({ requestId, status }) => {
    const outcome = meter().otherRequest(status, 0);
    lines.write('request_refused', undefined, () => {
      logger.info(
        { event: 'request_refused', requestId, path: 'other', credentialForm: 'none', outcome, status },
        'A request could not be read',
      );
    });
  };
}

/**
 * Adds its request's id to every answer that Fastify sends, and counts all requests but token requests, which the
 * library reports. Must be called before routes are added.
 */
export function observeRequests(fastify: FastifyInstance, meter: RequestMeter): void {
  fastify.decorateRequest('arrivedAt', 0);
  fastify.addHook('onRequest', (request, _reply, done) => {
    request.arrivedAt = performance.now();
    done();
  });
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    void reply.header('X-Request-Id', request.id);
    if (!TOKEN_ROUTES.has(request.routeOptions.url ?? '')) {
      meter.otherRequest(reply.statusCode, performance.now() - request.arrivedAt);
    }
    done();
  });
}
