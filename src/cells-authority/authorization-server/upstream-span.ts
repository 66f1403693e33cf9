import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import { type UpstreamOutcome } from '../authority-observer.js';

/** The request headers that are passed on. Baggage is not, because the caller may have put anything into it. */
const CONTINUED: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

/** The request headers that continue a trace below this span. */
export function traceHeaders(span: Span, parent: Context): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(trace.setSpan(parent, span), headers, {
    set: (carrier, name, value) => {
      if (CONTINUED.has(name.toLowerCase())) carrier[name] = value;
    },
  });
  return headers;
}

/** The destination of a span's request: only host and port of the URL. */
export function serverAttributes({ hostname, port, protocol }: URL): Attributes {
  const defaultPort = protocol === 'https:' ? 443 : 80;
  return { 'server.address': hostname, 'server.port': port === '' ? defaultPort : Number(port) };
}

/** The attributes that all spans for one token endpoint share, without its query. */
export function spanAttributes(tokenUrl: string): Attributes {
  return { 'http.request.method': 'POST', ...serverAttributes(new URL(tokenUrl)) };
}

/** The span of one upstream request, its retry included. Without an OpenTelemetry SDK it does nothing. */
export class UpstreamSpan {
  readonly #span: Span;

  /** @param attributes of {@link spanAttributes}. */
  constructor(attributes: Attributes) {
    const tracer = trace.getTracer('cells-authority');
    this.#span = tracer.startSpan('POST token endpoint', { kind: SpanKind.CLIENT, attributes });
  }

  /** The request headers that continue the trace, if there is one. */
  get headers(): Record<string, string> | undefined {
    if (!isSpanContextValid(this.#span.spanContext())) return undefined;
    return traceHeaders(this.#span, context.active());
  }

  end(outcome: UpstreamOutcome, status: number | undefined, retried: boolean): void {
    this.#span.setAttributes({ 'cells_authority.outcome': outcome, 'cells_authority.retried': retried });
    if (status !== undefined) this.#span.setAttribute('http.response.status_code', status);
    if (outcome !== 'token') this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}

/** The API's placeholder, which passes calls on to the provider of an SDK once there is one. */
interface StandIn extends TracerProvider {
  getDelegate(): TracerProvider;
  getDelegateTracer(name: string): Tracer | undefined;
}

/** The tracer provider of the process' OpenTelemetry SDK; `undefined` without one, when spans would go nowhere. */
export function sdkTracerProvider(): TracerProvider | undefined {
  const provider = trace.getTracerProvider();
  if (!isStandIn(provider)) return provider;
  return provider.getDelegateTracer('cells-authority') === undefined ? undefined : provider.getDelegate();
}

function isStandIn(provider: TracerProvider): provider is StandIn {
  return 'getDelegateTracer' in provider;
}
