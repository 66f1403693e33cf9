import { helmetDefaultsExcept } from './helmet-defaults.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange, type WireRequest } from '../support/http-exchange.js';
import { rawRequest } from '../support/raw-client.js';
import { type RunningService, startService } from '../support/service.js';

const PATH = '/v4.0/cells/connect/token';
const CREDENTIALS = 'client_id=header-client&client_secret=header-client-secret';
const FORM = ['Content-Type', 'application/x-www-form-urlencoded'];
const PAGE = 'https://app.example.com';

const replies: [string, WireRequest, number][] = [
  ['a new token', { path: `${PATH}?${CREDENTIALS}` }, 200],
  ['a kept token', { path: `${PATH}?${CREDENTIALS}` }, 200],
  ['a kept token for a form', { path: PATH, headers: FORM, body: CREDENTIALS }, 200],
  ['a refusal', { path: `${PATH}?client_id=nobody&client_secret=wrong-secret` }, 400],
  ['a bad request', { path: PATH }, 400],
  ['another method', { path: PATH, method: 'GET' }, 405],
  ['an unknown path', { path: '/nowhere' }, 404],
  ['a malformed path', { path: '/%zz' }, 400],
  ['a body that is too large', { path: PATH, headers: FORM, body: 'x'.repeat(20_000) }, 413],
];

describe('Headers of every reply', () => {
  let upstream: AsposeLimits;
  let service: RunningService;

  beforeAll(async () => {
    upstream = await AsposeLimits.start({ clients: [['header-client', 'header-client-secret']] });
    service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl });
  });
  afterAll(async () => {
    await service.close();
    await upstream.close();
  });

  it.each(replies)('%s', async (_, request, status) => {
    const reply = await exchange(service.origin, request);
    expect(reply.status).toBe(status);
    expect(reply.headers).toMatchObject(helmetDefaultsExcept('content-security-policy', 'strict-transport-security'));
    expect(reply.headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(reply.headers).not.toHaveProperty('strict-transport-security');
    expect(reply.headers).not.toHaveProperty('access-control-allow-origin');
    expect(reply.headers).not.toHaveProperty('x-powered-by');
    expect(reply.headers).not.toHaveProperty('server');
  });

  it('something that is not HTTP', async () => {
    const { text } = await rawRequest(Number(new URL(service.origin).port), 'nonsense\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(text).toContain('X-Content-Type-Options: nosniff\r\n');
    expect(text).toContain('Referrer-Policy: no-referrer\r\n');
    expect(text).toContain('Cache-Control: no-store\r\n');
  });

  it('the try-it page may run its own script files, but no inline scripts', async () => {
    const { headers, body } = await exchange(service.origin, { path: '/cells', method: 'GET' });
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    expect(body).toContain('swagger-ui');
    expect(headers).toMatchObject(helmetDefaultsExcept('content-security-policy', 'strict-transport-security'));
  });

  it('a page of another origin is not let in unless it is named', async () => {
    const { status, headers } = await exchange(service.origin, {
      path: `${PATH}?${CREDENTIALS}`,
      headers: ['Origin', PAGE],
    });
    expect(status).toBe(200);
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('CORS_ORIGINS', () => {
  let upstream: AsposeLimits;
  let service: RunningService;

  beforeAll(async () => {
    upstream = await AsposeLimits.start({ clients: [['header-client', 'header-client-secret']] });
    service = await startService({
      UPSTREAM_TOKEN_URL: upstream.tokenUrl,
      CORS_ORIGINS: `${PAGE}, https://other.example.com`,
    });
  });
  afterAll(async () => {
    await service.close();
    await upstream.close();
  });

  it.each(['new', 'kept'])('lets a named page read a %s token', async () => {
    const { status, headers } = await exchange(service.origin, {
      path: `${PATH}?${CREDENTIALS}`,
      headers: ['Origin', PAGE],
    });
    expect(status).toBe(200);
    expect(headers['access-control-allow-origin']).toBe(PAGE);
    expect(headers.vary).toMatch(/Origin/i);
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
  });

  it('lets a named page read why it was refused', async () => {
    const { status, headers } = await exchange(service.origin, { path: PATH, headers: ['Origin', PAGE] });
    expect(status).toBe(400);
    expect(headers['access-control-allow-origin']).toBe(PAGE);
    expect(headers['access-control-expose-headers']).toContain('Retry-After');
  });

  it('answers the preflight of a named page', async () => {
    const preflight = [
      'Origin',
      PAGE,
      'Access-Control-Request-Method',
      'POST',
      'Access-Control-Request-Headers',
      'authorization',
    ];
    const { status, headers } = await exchange(service.origin, { path: PATH, method: 'OPTIONS', headers: preflight });
    expect(status).toBe(204);
    expect(headers['access-control-allow-origin']).toBe(PAGE);
    expect(headers['access-control-allow-methods']).toBe('POST');
    expect(headers['access-control-allow-headers']).toMatch(/authorization/i);
  });

  it.each(['https://evil.example.com', 'null', `${PAGE}.evil.example`])('lets %s read nothing', async (origin) => {
    const { headers } = await exchange(service.origin, { path: `${PATH}?${CREDENTIALS}`, headers: ['Origin', origin] });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });
});
