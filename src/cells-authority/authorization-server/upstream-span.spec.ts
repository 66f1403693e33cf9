import { propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { sdkTracerProvider, serverAttributes, spanAttributes, UpstreamSpan } from './upstream-span.js';

const URL_WITH_QUERY = 'https://api.example/connect/token?client_secret=x';

describe('UpstreamSpan', () => {
  const exporter = new InMemorySpanExporter();

  beforeAll(() => {
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    propagation.setGlobalPropagator({
      inject: (context, carrier, setter) => {
        const span: Span | undefined = trace.getSpan(context);
        setter.set(carrier, 'traceparent', `of ${span?.spanContext().spanId ?? 'nobody'}`);
        setter.set(carrier, 'TraceState', 'state');
        setter.set(carrier, 'baggage', 'secret');
      },
      extract: (context) => context,
      fields: () => [],
    });
  });
  afterEach(() => {
    exporter.reset();
  });
  afterAll(() => {
    trace.disable();
    propagation.disable();
  });

  it('says what became of a request, and nothing of its query', () => {
    new UpstreamSpan(spanAttributes(URL_WITH_QUERY)).end('token', 200, false);
    expect(exporter.getFinishedSpans()).toMatchObject([
      {
        name: 'POST token endpoint',
        kind: SpanKind.CLIENT,
        instrumentationScope: { name: 'cells-authority' },
        status: { code: SpanStatusCode.UNSET },
        attributes: {
          'http.request.method': 'POST',
          'server.address': 'api.example',
          'server.port': 443,
          'http.response.status_code': 200,
          'cells_authority.outcome': 'token',
          'cells_authority.retried': false,
        },
      },
    ]);
  });

  it('is an error without a token, and has no status without an answer', () => {
    new UpstreamSpan({}).end('timeout', undefined, true);
    const [span] = exporter.getFinishedSpans();
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.attributes).toEqual({ 'cells_authority.outcome': 'timeout', 'cells_authority.retried': true });
  });

  it('passes on the trace, and no baggage', () => {
    const span = new UpstreamSpan({});
    const { headers } = span;
    span.end('token', 200, false);
    const id = exporter.getFinishedSpans()[0]?.spanContext().spanId ?? '';
    expect(headers).toEqual({ traceparent: `of ${id}`, TraceState: 'state' });
  });

  it.each([
    ['http://127.0.0.1/', '127.0.0.1', 80],
    ['http://127.0.0.1:8080/', '127.0.0.1', 8080],
    ['https://api.example/', 'api.example', 443],
  ])('names host and port of %s', (url, host, port) => {
    expect(serverAttributes(new URL(url))).toEqual({ 'server.address': host, 'server.port': port });
  });

  it('does nothing without OpenTelemetry', () => {
    trace.disable();
    const span = new UpstreamSpan({});
    span.end('token', 200, false);
    expect(span.headers).toBeUndefined();
  });

  it('finds the SDK, with the stand-in of its API before it or without, and none when there is none', () => {
    const sdk = new BasicTracerProvider();
    trace.setGlobalTracerProvider(sdk);
    expect(sdkTracerProvider()).toBe(sdk);
    trace.disable();
    expect(sdkTracerProvider()).toBeUndefined();
    jest.spyOn(trace, 'getTracerProvider').mockReturnValue(sdk);
    expect(sdkTracerProvider()).toBe(sdk);
    jest.restoreAllMocks();
  });
});
