import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { context, INVALID_SPAN_CONTEXT, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { type GatewayOutcome } from './gateway-failure.js';
import { GatewaySpans } from './gateway-spans.js';

const API = new URL('http://127.0.0.1:8443');
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';

function received(method: string, headers: Record<string, string> = {}): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.method = method;
  Object.assign(request.headers, headers);
  return request;
}

const ended = (outcome: GatewayOutcome, cut = false) => ({ outcome, cut, headersMs: undefined, wholeMs: 0 });

describe('The spans of a request through the gateway', () => {
  const exporter = new InMemorySpanExporter();

  beforeEach(() => {
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator({
      inject: (below, carrier, setter) => {
        setter.set(carrier, 'traceparent', `below ${trace.getSpan(below)?.spanContext().spanId ?? 'nobody'}`);
      },
      extract: (above, carrier, getter) => {
        const traceId = getter.get(carrier, 'traceparent');
        if (typeof traceId !== 'string') return above;
        return trace.setSpanContext(above, { traceId, spanId: CALLER, traceFlags: 1, isRemote: true });
      },
      fields: () => [],
    });
  });
  afterEach(() => {
    exporter.reset();
    trace.disable();
    context.disable();
    propagation.disable();
  });

  it('are the request’s, which continues the client’s trace, and below it the one to the API, which goes on there', () => {
    const spans = GatewaySpans.begin(received('GET', { traceparent: TRACE_ID }), '/v3.0/cells', API);
    spans?.end(ended('passed'), 200);
    const [upstream, request] = exporter.getFinishedSpans();

    expect(request).toMatchObject({
      name: 'GET /v3.0/cells',
      kind: SpanKind.SERVER,
      parentSpanContext: { traceId: TRACE_ID, spanId: CALLER },
      instrumentationScope: { name: 'cells-authority' },
      status: { code: SpanStatusCode.UNSET },
    });
    expect(request?.attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/v3.0/cells',
      'http.response.status_code': 200,
      'cells_authority.outcome': 'passed',
    });
    expect(upstream).toMatchObject({
      name: 'GET Cells API',
      kind: SpanKind.CLIENT,
      parentSpanContext: request?.spanContext(),
      status: { code: SpanStatusCode.UNSET },
    });
    expect(upstream?.attributes).toEqual({
      'http.request.method': 'GET',
      'server.address': '127.0.0.1',
      'server.port': 8443,
      'http.response.status_code': 200,
      'cells_authority.outcome': 'passed',
    });
    expect(spans?.headers).toEqual({ traceparent: `below ${upstream?.spanContext().spanId}` });
  });

  it('are one only, with nothing to send on, for a request that is not passed on', () => {
    const spans = GatewaySpans.begin(received('PUT'), '/v4.0/cells');
    expect(spans?.headers).toEqual({});
    spans?.end(ended('too_large'), 413);
    expect(exporter.getFinishedSpans()).toMatchObject([
      { name: 'PUT /v4.0/cells', parentSpanContext: undefined, status: { code: SpanStatusCode.UNSET } },
    ]);
  });

  it('are named by the method alone when the path could not be passed on', () => {
    GatewaySpans.begin(received('GET'), undefined)?.end(ended('malformed'), 400);
    const [span] = exporter.getFinishedSpans();
    expect(span?.name).toBe('GET');
    expect(span?.attributes).toEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 400,
      'cells_authority.outcome': 'malformed',
    });
  });

  it.each<[GatewayOutcome, boolean, number | undefined, SpanStatusCode]>([
    ['too_large', false, 499, SpanStatusCode.UNSET],
    ['passed', false, 500, SpanStatusCode.ERROR],
    ['connection_lost', true, 200, SpanStatusCode.ERROR],
    ['client_gone', false, undefined, SpanStatusCode.UNSET],
  ])('tell whether it failed: %s, cut %p, status %p', (outcome, cut, status, code) => {
    GatewaySpans.begin(received('GET'), '/v3.0/cells', API)?.end(ended(outcome, cut), status);
    const spans = exporter.getFinishedSpans();
    expect(spans.map((span) => span.status.code)).toEqual([code, code]);
    for (const { attributes } of spans) {
      expect(attributes['cells_authority.outcome']).toBe(outcome);
      expect('http.response.status_code' in attributes).toBe(status !== undefined);
    }
  });

  it('are the active trace while something is logged, and only then', () => {
    const spans = GatewaySpans.begin(received('GET'), '/v3.0/cells', API);
    let logged: string | undefined;
    spans?.within(() => {
      logged = trace.getActiveSpan()?.spanContext().spanId;
    });
    expect(trace.getActiveSpan()).toBeUndefined();
    spans?.end(ended('passed'), 200);
    expect(logged).toBe(exporter.getFinishedSpans()[1]?.spanContext().spanId);
  });

  it('are none without an SDK, or with one that makes none', () => {
    trace.disable();
    expect(GatewaySpans.begin(received('GET'), '/v3.0/cells', API)).toBeUndefined();
    const startSpan = () => trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan: () => undefined as never }) });
    expect(GatewaySpans.begin(received('GET'), '/v3.0/cells', API)).toBeUndefined();
  });
});
