import { setTimeout as delay } from 'node:timers/promises';
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { type FastifyInstance } from 'fastify';
import { sdkTracerProvider } from '../cells-authority/internal.js';

interface TracedRequest {
  readonly span: Span;
  readonly context: Context;
}

declare module 'fastify' {
  interface FastifyRequest {
    traced: TracedRequest | undefined;
  }
}

/**
 * Makes a span for every request, if the process has an OpenTelemetry SDK by now; without one no hook is added. The
 * caller's trace is continued. No attribute contains the query of a URL or anything else that a caller wrote.
 */
export function traceRequests(fastify: FastifyInstance): void {
  const tracer = sdkTracerProvider()?.getTracer('cells-authority');
  if (tracer === undefined) return;
  fastify.decorateRequest('traced', undefined);

  fastify.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url;
    const method = request.method;
    const parent = propagation.extract(ROOT_CONTEXT, request.headers);
    const span = tracer.startSpan(
      route === undefined ? method : `${method} ${route}`,
      {
        kind: SpanKind.SERVER,
        attributes: { 'http.request.method': method, ...(route === undefined ? {} : { 'http.route': route }) },
      },
      parent,
    );
    const own = trace.setSpan(parent, span);
    request.traced = { span, context: own };
    context.with(own, done);
  });
  // Set again, because callbacks from reading the body have lost the context.
  fastify.addHook('preHandler', (request, _reply, done) => {
    context.with(request.traced?.context ?? context.active(), done);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const span = request.traced?.span;
    span?.setAttribute('http.response.status_code', reply.raw.statusCode);
    if (reply.raw.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
    done();
  });
  fastify.addHook('onRequestAbort', (request, done) => {
    request.traced?.span.end();
    done();
  });
}

/** How long the process waits at its end for the last spans to be exported. */
const LAST_EXPORT_MS = 2000;

/** Lets the SDK, if there is one, export its remaining spans. Never fails. */
export async function exportLastSpans(): Promise<void> {
  const sdk: unknown = sdkTracerProvider();
  if (!canFlush(sdk)) return;
  await Promise.race([sdk.forceFlush().catch(() => undefined), delay(LAST_EXPORT_MS, undefined, { ref: false })]);
}

function canFlush(sdk: unknown): sdk is { forceFlush(): Promise<void> } {
  return typeof sdk === 'object' && sdk !== null && 'forceFlush' in sdk;
}
