import { type IncomingMessage } from 'node:http';
import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { sdkTracerProvider, serverAttributes, traceHeaders } from '../cells-authority/internal.js';
import { type TransferEnd } from './transfer.js';

/**
 * The spans of one transfer: the request's own and below it the upstream one. No attribute contains a path below the
 * API's version, a query, or anything else that a caller wrote.
 */
export class GatewaySpans {
  private constructor(
    private readonly request: Span,
    private readonly upstream: Span | undefined,
    /** The headers that continue the trace at the Cells API. */
    readonly headers: Readonly<Record<string, string>>,
  ) {}

  /**
   * Begins the spans if the process has an OpenTelemetry SDK. A request that is not passed on to the API has only one.
   */
  static begin(
    { method = '', headers }: IncomingMessage,
    route: string | undefined,
    api?: URL,
  ): GatewaySpans | undefined {
    const tracer = sdkTracerProvider()?.getTracer('cells-authority');
    if (tracer === undefined) return undefined;
    const parent = propagation.extract(ROOT_CONTEXT, headers);
    const attributes = { 'http.request.method': method };
    const request = tracer.startSpan(
      route === undefined ? method : `${method} ${route}`,
      { kind: SpanKind.SERVER, attributes: { ...attributes, 'http.route': route } },
      parent,
    );
    if (!isSpanContextValid(request.spanContext())) return undefined;
    if (api === undefined) return new GatewaySpans(request, undefined, {});
    const below = trace.setSpan(parent, request);
    const upstream = tracer.startSpan(
      `${method} Cells API`,
      { kind: SpanKind.CLIENT, attributes: { ...attributes, ...serverAttributes(api) } },
      below,
    );
    return new GatewaySpans(request, upstream, traceHeaders(upstream, below));
  }

  /** Runs something, such as logging, as part of the trace. */
  within(run: () => void): void {
    context.with(trace.setSpan(ROOT_CONTEXT, this.request), run);
  }

  /** Ends them. `status` is the one that the client got, if any. */
  end({ outcome, cut }: TransferEnd, status: number | undefined): void {
    for (const span of [this.upstream, this.request]) {
      if (span === undefined) continue;
      span.setAttributes({ 'cells_authority.outcome': outcome, 'http.response.status_code': status });
      if (cut || (status ?? 0) >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    }
  }
}
