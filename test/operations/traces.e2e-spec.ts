import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
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
import { readMarkdown } from '../docs/markdown.js';
import { buildOnce, startBuiltService } from '../support/built-service.js';
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

/** A collector of OTLP over HTTP, as far as it listens. */
async function startCollector(): Promise<{ endpoint: string; received: () => string; close: () => void }> {
  let received = '';
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => (received += chunk.toString()));
    request.on('end', () => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, received: () => received, close: () => server.close() };
}

/** The file that the documentation prints. */
function printedSdk(): string {
  const [, code = ''] = /```js\n([^]*?NodeTracerProvider[^]*?)```/.exec(readMarkdown('docs/operations.md')) ?? [];
  expect(code).toContain('BatchSpanProcessor');
  return code;
}

const INSTRUMENTED = `
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });
`;

describe('The tracing.js of the documentation, beside the built service', () => {
  const sdk = join(__dirname, 'sdk-of-the-test.mjs');
  let upstream: ScriptedServer;

  beforeAll(async () => {
    await buildOnce();
    upstream = await startScriptedServer(answerToken);
  }, 150_000);
  afterAll(async () => {
    await rm(sdk, { force: true });
    await upstream.close();
  });

  it.each([
    ['alone', ''],
    ['with HttpInstrumentation', INSTRUMENTED],
  ])('exports every span to the last one, and no secret: %s', async (_case, more) => {
    await writeFile(sdk, printedSdk() + more);
    const collector = await startCollector();
    const service = await startBuiltService({
      env: {
        UPSTREAM_TOKEN_URL: upstream.tokenUrl,
        CELLS_API_URL: new URL(upstream.tokenUrl).origin,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
        // Longer than the test: what is exported is exported because the process ends.
        OTEL_BSP_SCHEDULE_DELAY: '600000',
      },
      nodeArguments: ['--import', sdk],
    });
    const headers = { traceparent: `00-${TRACE_ID}-${CALLER_SPAN_ID}-01` };
    const query = `?client_id=client&client_secret=${SECRET}`;
    const statuses: number[] = [];
    for (const [method, path] of [
      ['POST', PUBLISHED + query],
      ['POST', `${PUBLISHED}${query}&client_id=other`],
      ['GET', `/v4.0/cells/book.xlsx?password=${SECRET}`],
    ]) {
      const response = await fetch(service.origin + String(path), { method, headers });
      await response.text();
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 400, 200]);
    expect(await service.stop()).toBe(0);
    collector.close();

    const exported = collector.received();
    expect(exported).toContain('"cells-authority"');
    for (const name of [`POST ${PUBLISHED}`, 'POST token endpoint', 'GET Cells API']) {
      expect(exported).toContain(`"name":"${name}"`);
    }
    expect(exported).not.toContain(SECRET);
    expect(exported.includes('instrumentation-http')).toBe(more !== '');
    expect(service.output()).toMatch(
      new RegExp(
        `"event":"request_refused".*"traceId":"${TRACE_ID}"|"traceId":"${TRACE_ID}".*"event":"request_refused"`,
      ),
    );
  });

  it('adds the trace to the lines of requests that the gateway refuses', async () => {
    await writeFile(sdk, printedSdk());
    const service = await startBuiltService({
      env: { UPSTREAM_TOKEN_URL: upstream.tokenUrl, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' },
      nodeArguments: ['--import', sdk],
    });
    const headers = { traceparent: `00-${TRACE_ID}-${CALLER_SPAN_ID}-01`, authorization: 'Basic eDp5' };
    expect((await fetch(`${service.origin}/v4.0/cells/x`, { headers })).status).toBe(401);

    expect(await service.stop()).toBe(0);
    const line = service
      .output()
      .split('\n')
      .find((text) => text.includes('"event":"gateway_request"'));
    expect(line).toContain(`"traceId":"${TRACE_ID}"`);
  });
});
