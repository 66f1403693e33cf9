import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { type CellsGatewayOptions } from '../../src/cells-gateway/cells-gateway.options.js';
import { gatewayLog } from '../../src/logging/gateway-log.js';
import { ServiceMetrics } from '../../src/metrics/service-metrics.js';
import { settled } from '../faults/resources.js';
import { LeakScanner } from '../support/leak-scanner.js';
import { rawRequest } from '../support/raw-client.js';
import { RawUpstream, TestGateway } from './test-gateway.js';

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.leak-test-token.signature';
const RENEWED_TOKEN = 'eyJhbGciOiJSUzI1NiJ9.the-token-of-a-session.signature';
const THIRD_TOKEN = 'eyJhbGciOiJSUzI1NiJ9.the-token-after-that.signature';
const PASSWORD = 'password-of-a-workbook';
const FILE = 'Payroll-of-everybody.xlsx';
const BASIC = Buffer.from('somebody:basic-password-0123').toString('base64');
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

/** Requests for every outcome. */
const requests: [outcome: string, head: string, answer: string | undefined][] = [
  ['passed', `GET /v3.0/cells/${FILE}?password=${PASSWORD}`, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['passed', `DELETE /v3.0/cells/${FILE}`, 'HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nok'],
  ['malformed', `GET /v3.0/cells/../${FILE}?password=${PASSWORD}`, undefined],
  ['method_not_allowed', `PURGE /v3.0/cells/${FILE}?password=${PASSWORD}`, undefined],
  ['unauthorized', `GET /v3.0/cells/${FILE}\r\nAuthorization: Basic ${BASIC}`, undefined],
  ['too_large', `PUT /v3.0/cells/${FILE}\r\nContent-Length: 99999999999`, undefined],
  ['connection_lost', `GET /v4.0/cells/${FILE}?password=${PASSWORD}`, ''],
  ['invalid_response', `GET /v4.0/cells/${FILE}`, `${FILE} ${TOKEN}\r\n\r\n`],
  ['connection_lost', `GET /v4.0/cells/${FILE}?cut`, 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nok'],
];

describe('What the gateway shows of a request', () => {
  const exporter = new InMemorySpanExporter();
  const scanner = new LeakScanner()
    .protect('token', TOKEN)
    .protect('renewed token', RENEWED_TOKEN)
    .protect('third token', THIRD_TOKEN)
    .protect('query', PASSWORD)
    .protect('file name', FILE)
    .protect('password', 'basic-password-0123')
    .protect('basic', BASIC);
  const metrics = new ServiceMetrics();
  const lines: string[] = [];
  let upstream: RawUpstream;
  let gateway: TestGateway;
  let inSession: TestGateway;

  beforeAll(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    propagation.setGlobalPropagator({
      fields: () => ['traceparent', 'baggage'],
      inject: (from, carrier, setter) => {
        const span = trace.getSpanContext(from);
        setter.set(carrier, 'traceparent', `00-${span?.traceId}-${span?.spanId}-01`);
        setter.set(carrier, 'baggage', `token=${TOKEN}`);
      },
      extract: (into, carrier, getter) => {
        const [, traceId, spanId] = String(getter.get(carrier, 'traceparent')).split('-');
        if (traceId === undefined || spanId === undefined) return into;
        return trace.setSpanContext(into, { traceId, spanId, traceFlags: 1, isRemote: true });
      },
    });
    const log = gatewayLog(
      pino(
        { level: 'trace' },
        new Writable({
          write: (line, _encoding, done) => {
            lines.push(String(line));
            done();
          },
        }),
      ),
    );
    upstream = await RawUpstream.start();
    const options: Partial<CellsGatewayOptions> = {
      observer: (event) => {
        metrics.observeGateway(event);
        log(event);
      },
    };
    gateway = await TestGateway.start(upstream.origin, options);
    inSession = await TestGateway.start(upstream.origin, options, {
      token: () => Promise.resolve(RENEWED_TOKEN),
      isReplacement: () => false,
      tokenInsteadOf: () => Promise.resolve(THIRD_TOKEN),
    });
    metrics.addGateway(() => gateway.gateway.numbers);
    for (const [, head, answer] of requests) {
      upstream.onRequest = ({ socket }) => socket.end(answer ?? '');
      const [line = '', ...more] = head.split('\r\n');
      const authorization = head.includes('Authorization') ? [] : [`Authorization: Bearer ${TOKEN}`];
      const traceparent = `traceparent: 00-${TRACE_ID}-b7ad6b7169203331-01`;
      const all = [`${line} HTTP/1.1`, 'Host: g', ...more, ...authorization, traceparent, 'Connection: close', '', ''];
      const { text } = await rawRequest(gateway.port, all.join('\r\n'));
      scanner.add('errors', text);
    }
    upstream.onRequest = ({ socket, received }) => {
      const status = received.includes(RENEWED_TOKEN) ? '401 No' : '200 OK';
      socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nok`);
    };
    const head = `GET /v3.0/cells/${FILE} HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: close\r\n\r\n`;
    scanner.add('errors', (await rawRequest(inSession.port, head)).text);
    await settled(() => lines.filter((line) => line.includes('gateway_request')).length === requests.length + 1);
  });
  afterAll(async () => {
    await gateway.close();
    await inSession.close();
    await upstream.close();
    trace.disable();
    propagation.disable();
    context.disable();
  });

  it('is not a token, password, query or file name: in logs, metrics, spans and errors', async () => {
    scanner.add('log', lines.join(''));
    scanner.add('metrics', await metrics.registry.metrics());
    const spans = exporter
      .getFinishedSpans()
      .map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));
    scanner.add('spans', JSON.stringify(spans));
    // One for each request, and one more for each that was sent on to the API.
    expect(spans).toHaveLength(requests.length + 7);
    expect(scanner.bytes).toBeGreaterThan(5000);
    expect(scanner.leaks()).toEqual([]);
    // The path ends with the API's version.
    expect(lines.join('')).toMatch(/"api":"\/v3\.0\/cells"/);
    expect([lines.join(''), JSON.stringify(spans)].join('')).not.toMatch(/cells\/|\?/);
  });

  it('is one log line for each failure, and none above debug for what the API answered', () => {
    const told = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ event }) => event === 'gateway_request');
    expect(told.map(({ outcome }) => outcome)).toEqual([...requests.map(([outcome]) => outcome), 'passed']);
    for (const { outcome, level } of told) {
      if (outcome === 'passed') expect(level).toBe(20);
      else expect(level).toBeGreaterThanOrEqual(30);
    }
    expect(told[0]).toMatchObject({ requestId: 'request-1', method: 'GET', status: 200, cut: false });
    expect(told.at(-2)).toMatchObject({ outcome: 'connection_lost', status: 200, cut: true });
    expect(told[3]).toMatchObject({ method: 'other', status: 405 });
  });

  it('is counted by method, class of the status and outcome', async () => {
    const text = await metrics.registry.metrics();
    for (const line of [
      'cells_authority_gateway_requests_total{method="GET",status_class="2xx",outcome="passed"} 2',
      'cells_authority_gateway_requests_total{method="DELETE",status_class="4xx",outcome="passed"} 1',
      'cells_authority_gateway_requests_total{method="other",status_class="4xx",outcome="method_not_allowed"} 1',
      'cells_authority_gateway_requests_total{method="PUT",status_class="4xx",outcome="too_large"} 1',
      'cells_authority_gateway_requests_total{method="GET",status_class="5xx",outcome="connection_lost"} 1',
      'cells_authority_gateway_requests_total{method="GET",status_class="2xx",outcome="connection_lost"} 1',
      `cells_authority_gateway_request_duration_seconds_count{phase="whole"} ${requests.length + 1}`,
      'cells_authority_gateway_request_duration_seconds_count{phase="headers"} 4',
      'cells_authority_gateway_bytes_total{direction="up"} 0',
      'cells_authority_gateway_bytes_total{direction="down"} 6',
      'cells_authority_gateway_in_flight 0',
      'cells_authority_gateway_tokens_total{action="passed"} 5',
      'cells_authority_gateway_tokens_total{action="renewed"} 1',
      'cells_authority_gateway_tokens_total{action="repeated"} 1',
      'cells_authority_gateway_tokens_total{action="not_repeatable"} 0',
      'cells_authority_gateway_tokens_total{action="dropped"} 0',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
  });

  it('is a span with the upstream one below it, which the API is told of', () => {
    const spans = exporter.getFinishedSpans();
    const request = spans.find(({ name }) => name === 'GET /v3.0/cells');
    const call = spans.find(({ parentSpanContext }) => parentSpanContext?.spanId === request?.spanContext().spanId);
    expect(request?.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
    expect(call).toMatchObject({ name: 'GET Cells API', attributes: { 'http.response.status_code': 200 } });
    expect(upstream.connections[0]?.received).toContain(`traceparent: 00-${TRACE_ID}-${call?.spanContext().spanId}-01`);
    expect(upstream.received).not.toMatch(/^baggage:/im);
  });
});
