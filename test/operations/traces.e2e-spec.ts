import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Context,
  context,
  propagation,
  SpanKind,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { startBuiltService } from '../support/built-service.js';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { type RunningService, startService } from '../support/service.js';
import { answerToken } from '../support/upstream-scripts.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALLER_SPAN_ID = 'b7ad6b7169203331';
const SECRET = 'secret-of-the-traced-client';
const PUBLISHED = '/v4.0/cells/connect/token';

/** W3C Trace Context as an SDK registers it, with a baggage that is not to travel on. */
const traceContext: TextMapPropagator = {
  fields: () => ['traceparent', 'baggage'],
  inject(from: Context, carrier: unknown, setter: TextMapSetter) {
    const span = trace.getSpanContext(from);
    if (span !== undefined) setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-01`);
    setter.set(carrier, 'baggage', `secret=${SECRET}`);
  },
  extract(into: Context, carrier: unknown, getter: TextMapGetter) {
    const [, traceId, spanId] = String(getter.get(carrier, 'traceparent')).split('-');
    if (traceId === undefined || spanId === undefined) return into;
    return trace.setSpanContext(into, { traceId, spanId, traceFlags: 1, isRemote: true });
  },
};

describe('Traces', () => {
  const exporter = new InMemorySpanExporter();
  let upstream: ScriptedServer;
  let service: RunningService;

  beforeAll(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(traceContext);
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    upstream = await startScriptedServer(answerToken);
    service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl });
  });

  afterAll(async () => {
    await service.close();
    await upstream.close();
    trace.disable();
    propagation.disable();
    context.disable();
  });

  beforeEach(() => {
    exporter.reset();
  });

  async function ask(path: string, body?: URLSearchParams): Promise<void> {
    const headers = { traceparent: `00-${TRACE_ID}-${CALLER_SPAN_ID}-01` };
    const response = await fetch(service.origin + path, { method: 'POST', headers, body });
    await response.text();
  }

  /** The span of a request ends when Node has handed the answer over, which the client may see first. */
  async function spans(count: number): Promise<ReadableSpan[]> {
    while (exporter.getFinishedSpans().length < count) await new Promise((resolve) => setImmediate(resolve));
    return exporter.getFinishedSpans();
  }

  it.each(['query', 'form'])('go on from the caller to the authorization server (%s)', async (form) => {
    const credentials = new URLSearchParams({ client_id: `client-${form}`, client_secret: SECRET });
    await (form === 'query' ? ask(`${PUBLISHED}?${credentials.toString()}`) : ask(PUBLISHED, credentials));

    const [call, request] = await spans(2);

    expect(request).toMatchObject({
      name: `POST ${PUBLISHED}`,
      kind: SpanKind.SERVER,
      parentSpanContext: { spanId: CALLER_SPAN_ID },
      attributes: { 'http.request.method': 'POST', 'http.route': PUBLISHED, 'http.response.status_code': 200 },
    });
    expect(call).toMatchObject({
      kind: SpanKind.CLIENT,
      parentSpanContext: { spanId: request?.spanContext().spanId },
      attributes: { 'http.response.status_code': 200, 'cells_authority.outcome': 'token' },
    });
    expect(call?.spanContext().traceId).toBe(TRACE_ID);
    const sent = upstream.requests.at(-1)?.headers;
    expect(sent?.get('traceparent')).toBe(`00-${TRACE_ID}-${call?.spanContext().spanId}-01`);
    expect(sent?.has('baggage')).toBe(false);
  });

  it('have one span for a token that is kept', async () => {
    const url = `/connect/token?client_id=kept&client_secret=${SECRET}`;
    await ask(url);
    await spans(2);
    exporter.reset();
    await ask(url);

    const names = (await spans(1)).map(({ name }) => name);

    expect(names).toEqual(['POST /connect/token']);
  });

  it('hold no query and no secret', async () => {
    await ask(`${PUBLISHED}?client_id=x&client_secret=${SECRET}&client_secret=${SECRET}`);
    await ask(`/nothing/${SECRET}?client_secret=${SECRET}`);

    const shown = JSON.stringify(
      (await spans(2)).map(({ name, attributes, events }) => ({ name, attributes, events })),
    );

    expect(shown).not.toContain(SECRET);
    expect(shown).not.toContain('?');
  });
});

/** What `--import` loads ahead of the service: an SDK that writes the name of each span. */
const SDK = `
import { trace } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
const log = { onStart() {}, onEnd: ({ name }) => console.log('span: ' + name), shutdown: async () => {} };
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [log] }));
`;

it('An SDK beside the built service, which has an API of its own in it, gets its spans', async () => {
  const sdk = join(__dirname, 'sdk-of-the-test.mjs');
  await writeFile(sdk, SDK);
  try {
    const service = await startBuiltService({ env: {}, nodeArguments: ['--import', sdk] });
    await (await fetch(`${service.origin}/health/live`)).text();
    await service.stop();

    expect(service.output()).toContain('span: GET /health/live');
  } finally {
    await rm(sdk);
  }
}, 150_000);
