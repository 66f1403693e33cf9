import {
  type Attributes,
  context,
  isSpanContextValid,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { type UpstreamOutcome } from '../authority-observer.js';

/** Baggage is not passed on: the caller may have put anything into it. */
const CONTINUED: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

/** What the spans of all requests to one token endpoint have in common; its query is left out. */
export function spanAttributes(tokenUrl: string): Attributes {
  const { hostname, port, protocol } = new URL(tokenUrl);
  return {
    'http.request.method': 'POST',
    'server.address': hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
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
    const headers: Record<string, string> = {};
    propagation.inject(trace.setSpan(context.active(), this.#span), headers, {
      set: (carrier, name, value) => {
        if (CONTINUED.has(name.toLowerCase())) carrier[name] = value;
      },
    });
    return headers;
  }

  end(outcome: UpstreamOutcome, status: number | undefined, retried: boolean): void {
    this.#span.setAttributes({ 'cells_authority.outcome': outcome, 'cells_authority.retried': retried });
    if (status !== undefined) this.#span.setAttribute('http.response.status_code', status);
    if (outcome !== 'token') this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}
