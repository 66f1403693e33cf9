import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import perfHooks from 'node:perf_hooks';
import { register } from 'prom-client';
import { Stopping } from '../../src/http/stopping.module.js';
import { ServiceMetrics } from '../../src/metrics/service-metrics.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { closedPort } from '../support/closed-port.js';
import { type RunningService, startService } from '../support/service.js';

const PUBLISHED = '/v4.0/cells/connect/token';
const CLIENT_ID = 'metered-client';
const CLIENT_SECRET = 'metered-client-secret';
const QUERY = `?client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`;

let upstream: AsposeLimits;
let service: RunningService;

beforeAll(async () => {
  upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
});

afterAll(async () => {
  await upstream.close();
});

async function start(environment: Record<string, string> = {}): Promise<void> {
  upstream.clear();
  service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, ...environment });
}

afterEach(async () => {
  jest.restoreAllMocks();
  await service.close();
});

async function metrics(): Promise<string[]> {
  const response = await fetch(`${service.origin}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return (await response.text()).split('\n');
}

async function ask(path: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(service.origin + path, { method: 'POST', ...init });
  await response.text();
  return response.status;
}

async function ready(): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${service.origin}/health/ready`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('Metrics', () => {
  it('count each request once, by path, credential form and outcome', async () => {
    await start();
    const form = new URLSearchParams({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET });
    const json = JSON.stringify({ client_id: CLIENT_ID, client_secret: 'wrong' });
    await ask(PUBLISHED + QUERY);
    await ask(PUBLISHED + QUERY);
    await ask(PUBLISHED + QUERY, { headers: { 'Content-Type': 'application/json' } });
    await ask('/connect/token', { body: form });
    await ask('/connect/token', { body: form });
    await ask('/oauth2/token', { headers: { Authorization: `Basic ${btoa(`${CLIENT_ID}:${CLIENT_SECRET}`)}` } });
    await ask('/oauth2/token', { headers: { 'Content-Type': 'application/json' }, body: json });
    await ask(PUBLISHED);
    await ask('/nothing/here');

    const lines = (await metrics()).filter((line) => /^cells_authority_requests_total.* [1-9]/.test(line));

    const count = (path: string, form: string, outcome: string, value: number) =>
      `cells_authority_requests_total{path="${path}",credential_form="${form}",outcome="${outcome}"} ${value}`;
    expect(lines.sort()).toEqual(
      [
        count(PUBLISHED, 'query', 'token', 3),
        count(PUBLISHED, 'none', 'invalid_request', 1),
        count('/connect/token', 'form', 'token', 2),
        count('/oauth2/token', 'basic', 'token', 1),
        count('/oauth2/token', 'json', 'invalid_client', 1),
        count('other', 'none', 'client_error', 1),
      ].sort(),
    );
  });

  it('tell where the tokens came from, what upstream did and what is kept', async () => {
    await start();
    await ask(PUBLISHED + QUERY);
    await ask(PUBLISHED + QUERY);
    await ask(`${PUBLISHED}?client_id=${CLIENT_ID}&client_secret=wrong`);
    await ask(`${PUBLISHED}?client_id=${CLIENT_ID}&client_secret=wrong`);

    expect(await metrics()).toEqual(
      expect.arrayContaining([
        'cells_authority_tokens_served_total{source="kept"} 1',
        'cells_authority_tokens_served_total{source="fetched"} 1',
        'cells_authority_upstream_requests_total{outcome="token"} 1',
        'cells_authority_upstream_requests_total{outcome="refused"} 1',
        'cells_authority_upstream_request_duration_seconds_count 2',
        'cells_authority_holds_total{reason="refused"} 1',
        'cells_authority_answers_from_hold_total{reason="refused"} 1',
        'cells_authority_circuit_state{state="closed"} 1',
        'cells_authority_circuit_state{state="open"} 0',
        'cells_authority_kept_tokens 1',
        expect.stringMatching(/^cells_authority_kept_bytes [1-9]\d{2,}$/),
        'cells_authority_upstream_connections 1',
        'cells_authority_waiting_requests 0',
        'cells_authority_gateway_requests_total{method="PUT",status_class="5xx",outcome="tls_failed"} 0',
        'cells_authority_held_credentials 1',
        `cells_authority_request_duration_seconds_count{path="${PUBLISHED}"} 4`,
        `cells_authority_request_duration_seconds_bucket{path="${PUBLISHED}",le="+Inf"} 4`,
        expect.stringMatching(/^nodejs_heap_size_used_bytes \d/),
      ]),
    );
  });

  it('say why Redis is not used, and nothing about it when it is not configured', async () => {
    await start({
      TOKEN_CACHE: 'redis',
      REDIS_URL: `redis://127.0.0.1:${await closedPort()}`,
      TOKEN_CACHE_SECRET: 'x'.repeat(32),
    });
    const states = async () => (await metrics()).filter((line) => line.startsWith('cells_authority_redis_state{'));
    const unreachable = 'cells_authority_redis_state{state="unreachable"} 1';
    while (!(await states()).includes(unreachable)) await new Promise((resolve) => setImmediate(resolve));

    expect((await states()).filter((line) => !line.endsWith(' 0'))).toEqual([unreachable]);

    await service.close();
    await start();
    expect(await states()).toEqual([]);
  });

  it('say when the certificate that is served ends', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'metered-tls-'));
    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000);
    const { cert, key } = new CertificateAuthority().issue({ notAfter });
    writeFileSync(join(folder, 'tls.crt'), cert);
    writeFileSync(join(folder, 'tls.key'), key);
    await start({ TLS_CERT_FILE: join(folder, 'tls.crt'), TLS_KEY_FILE: join(folder, 'tls.key') });
    rmSync(folder, { recursive: true });

    expect(await service.app.get(ServiceMetrics).registry.metrics()).toContain(
      `\ncells_authority_tls_certificate_end_timestamp_seconds ${notAfter.getTime() / 1000}\n`,
    );
  });

  it('never hold what a caller sent', async () => {
    await start();
    await ask(`/${CLIENT_SECRET}${QUERY}`);
    await ask(`${PUBLISHED}${QUERY}&${CLIENT_SECRET}=1`, { headers: { 'X-Request-Id': CLIENT_SECRET } });

    const text = (await metrics()).join('\n');

    expect(text).not.toContain(CLIENT_SECRET);
    expect(text).not.toContain(CLIENT_ID);
  });

  it.each([
    ['on', 200, 1],
    ['off', 404, 0],
  ])('are there, and Node watched for them, with METRICS=%s', async (METRICS, status, watched) => {
    const eventLoop = jest.spyOn(perfHooks, 'monitorEventLoopDelay');
    const collections = jest.spyOn(perfHooks.PerformanceObserver.prototype, 'observe');
    await start({ METRICS });
    await ask(PUBLISHED + QUERY);

    const response = await fetch(`${service.origin}/metrics`);
    await response.text();

    expect(response.status).toBe(status);
    expect(eventLoop).toHaveBeenCalledTimes(watched);
    expect(collections).not.toHaveBeenCalled();
    expect(service.app.get(ServiceMetrics).registry.getMetricsAsArray().length > 0).toBe(METRICS === 'on');
    expect(register.getMetricsAsArray()).toEqual([]);
  });
});

describe('Health', () => {
  it('is live and ready, without asking another server', async () => {
    await start();
    const before = upstream.requests.length;

    const live = await fetch(`${service.origin}/health/live`);

    expect(live.status).toBe(200);
    expect(await live.json()).toMatchObject({ status: 'ok' });
    expect(await ready()).toMatchObject({
      status: 200,
      body: { status: 'ok', details: { authorization_server: { circuit: 'closed' }, redis: { state: 'not_used' } } },
    });
    expect(upstream.requests).toHaveLength(before);
  });

  it('stays ready without Redis, and says so', async () => {
    const port = await closedPort();
    await start({
      TOKEN_CACHE: 'redis',
      REDIS_URL: `redis://127.0.0.1:${port}`,
      TOKEN_CACHE_SECRET: 'x'.repeat(32),
    });

    expect(await ready()).toMatchObject({
      status: 200,
      body: { status: 'degraded', details: { redis: { status: 'degraded', state: 'bypassed' } } },
    });
  });

  it('is not ready as soon as stopping begins, and still live', async () => {
    await start();
    service.app.get(Stopping).begin();

    const answer = await ready();
    const live = await fetch(`${service.origin}/health/live`);

    expect(answer).toMatchObject({ status: 503, body: { status: 'error', error: { service: { stopping: true } } } });
    expect(live.status).toBe(200);
  });
});

describe('Request ids', () => {
  it.each([PUBLISHED + QUERY, PUBLISHED, '/nothing', '/health/live'])('are returned by %s', async (path) => {
    await start();
    const method = path.startsWith('/health') ? 'GET' : 'POST';

    const given = await fetch(service.origin + path, { method, headers: { 'X-Request-Id': 'trace-me.42' } });
    const forged = await fetch(service.origin + path, { method, headers: { 'X-Request-Id': '{"level":60}' } });

    expect(given.headers.get('x-request-id')).toBe('trace-me.42');
    expect(forged.headers.get('x-request-id')).toMatch(/^[\w-]{8}-\d+$/);
  });
});
