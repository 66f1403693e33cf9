import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type Logger } from 'pino';
import {
  isTokenPathIndex,
  otherOutcome,
  pathIndex,
  REQUEST_PATHS,
  requestForm,
  tokenOutcome,
} from '../metrics/request-labels.js';
import { type RequestMeter } from '../metrics/request-meter.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** On the clock of `performance.now()`. */
    arrivedAt: number;
  }
}

/**
 * Counts every request once it is answered through Fastify, logs those that got no token, and returns their id. To be
 * called before there are routes.
 */
export function observeRequests(fastify: FastifyInstance, meter: RequestMeter, logger: Logger): void {
  fastify.decorateRequest('arrivedAt', 0);
  fastify.addHook('onRequest', (request, _reply, done) => {
    request.arrivedAt = performance.now();
    done();
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    void reply.header('X-Request-Id', request.id);
    complete(request, reply, payload, meter, logger);
    done();
  });
}

function complete(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  meter: RequestMeter,
  logger: Logger,
): void {
  const durationMs = performance.now() - request.arrivedAt;
  const index = pathIndex(request.routeOptions.url);
  const status = reply.statusCode;
  if (!isTokenPathIndex(index)) {
    meter.requestCompleted(index, 'none', otherOutcome(status), durationMs);
    return;
  }
  const form = requestForm(request.raw.url ?? '', request.headers);
  const outcome = tokenOutcome(status, payload);
  meter.requestCompleted(index, form, outcome, durationMs);
  if (outcome === 'token') return;
  logger[status >= 500 ? 'warn' : 'info'](
    {
      event: 'request_refused',
      requestId: request.id,
      path: REQUEST_PATHS[index],
      credentialForm: form,
      outcome,
      status,
      durationMs: Math.round(durationMs),
    },
    'A request got no token',
  );
}
