import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type Logger } from 'pino';
import { type CellsAuthorityService } from '../cells-authority/index.js';
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

/** What is kept of the requests, and who knows their clients. */
export interface RequestObservation {
  readonly meter: () => RequestMeter;
  readonly logger: Logger;
  readonly authority: () => CellsAuthorityService;
}

/** A request that was refused before it could be read, so that nothing is known of it. */
export interface UnreadRefusal {
  readonly requestId: string;
  readonly status: number;
}

/** Counts and logs refusals of which Fastify's hooks are not told. */
export function unreadRefusals({ meter, logger }: RequestObservation): (refusal: UnreadRefusal) => void {
  const path = pathIndex(undefined);
  return ({ requestId, status }) => {
    const outcome = otherOutcome(status);
    meter().requestCompleted(path, 'none', outcome, 0);
    logger.info(
      { event: 'request_refused', requestId, path: REQUEST_PATHS[path], credentialForm: 'none', outcome, status },
      'A request could not be read',
    );
  };
}

/**
 * Counts every request once it is answered through Fastify, logs those that got no token, and returns their id. To be
 * called before there are routes.
 */
export function observeRequests(fastify: FastifyInstance, observation: RequestObservation): void {
  fastify.decorateRequest('arrivedAt', 0);
  fastify.addHook('onRequest', (request, _reply, done) => {
    request.arrivedAt = performance.now();
    done();
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    void reply.header('X-Request-Id', request.id);
    complete(request, reply, payload, observation);
    done();
  });
}

function complete(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  { meter, logger, authority }: RequestObservation,
): void {
  const durationMs = performance.now() - request.arrivedAt;
  const index = pathIndex(request.routeOptions.url);
  const status = reply.statusCode;
  if (!isTokenPathIndex(index)) {
    meter().requestCompleted(index, 'none', otherOutcome(status), durationMs);
    return;
  }
  const form = requestForm(request.raw.url ?? '', request.headers);
  const outcome = tokenOutcome(status, payload);
  meter().requestCompleted(index, form, outcome, durationMs);
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
      client: authority().clientOf(request),
    },
    'A request got no token',
  );
}
