import { AsposeLimits } from './aspose-limits.js';
import { ownerOf } from './owned-token.js';

async function post(url: string, fields: Record<string, string>) {
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...fields });
  const response = await fetch(url, { method: 'POST', body, headers: { 'x-seen': 'yes' } });
  const text = await response.text();
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: JSON.parse(text || '{}') as Record<string, unknown>,
  };
}

describe('AsposeLimits', () => {
  let now = 1_000_000;
  let upstream: AsposeLimits;
  const right = { client_id: 'a', client_secret: 's' };
  const wrong = { client_id: 'a', client_secret: 'x' };

  beforeEach(async () => {
    upstream = await AsposeLimits.start({ clients: [['a', 's']], now: () => now });
  });
  afterEach(() => upstream.close());

  it('issues tokens that name their owner', async () => {
    const first = await post(upstream.tokenUrl, right);
    const second = await post(upstream.tokenUrl, { ...right, scope: 'one two' });

    expect(first).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 86_400 } });
    expect(first.body).not.toHaveProperty('scope');
    expect(ownerOf(String(first.body.access_token))).toEqual({ clientId: 'a', scope: '', serial: 1 });
    expect(second.body.scope).toBe('one two');
    expect(ownerOf(String(second.body.access_token))).toEqual({ clientId: 'a', scope: 'one two', serial: 2 });
  });

  it('records what it was sent, field by field', async () => {
    await post(upstream.tokenUrl, { ...right, client_secret: 'p+%&= é' });

    expect(upstream.requests).toEqual([
      expect.objectContaining({
        method: 'POST',
        path: '/connect/token',
        headers: expect.objectContaining({ 'x-seen': 'yes' }),
        fields: [
          ['grant_type', 'client_credentials'],
          ['client_id', 'a'],
          ['client_secret', 'p+%&= é'],
        ],
      }),
    ]);
  });

  it('bans a pair after 5 failures, for 600 s, and no other pair', async () => {
    for (let failure = 1; failure <= 5; failure += 1) {
      expect(await post(upstream.tokenUrl, wrong)).toMatchObject({ status: 400, body: { error: 'invalid_client' } });
    }
    expect(await post(upstream.tokenUrl, wrong)).toMatchObject({ status: 429, retryAfter: '600' });
    expect(await post(upstream.tokenUrl, right)).toMatchObject({ status: 200 });

    upstream.clients.set('a', 'x');
    now += 599_000;
    expect(await post(upstream.tokenUrl, wrong)).toMatchObject({ status: 429, retryAfter: '600' });
    now += 1_000;
    expect(await post(upstream.tokenUrl, wrong)).toMatchObject({ status: 200 });
    expect(upstream.count('a', 'x')).toEqual({ requests: 8, failures: 5, throttled: 2 });
    expect(upstream.count('a', 's')).toEqual({ requests: 1, failures: 0, throttled: 0 });
  });

  it('forgets failures that are 600 s old', async () => {
    for (let failure = 1; failure <= 10; failure += 1) {
      expect(await post(upstream.tokenUrl, wrong)).toMatchObject({ status: 400 });
      now += 121_000;
    }
  });

  it('refuses other grant types', async () => {
    expect(await post(upstream.tokenUrl, { ...right, grant_type: 'password' })).toMatchObject({
      status: 400,
      body: { error: 'unsupported_grant_type' },
    });
  });

  it('answers what the test says, once each, and complains of what was never asked for', async () => {
    const scripted = await AsposeLimits.start();
    scripted.respondNext({ status: 503, headers: { 'retry-after': '7' } }, { status: 200, body: '{"a":1}' });
    scripted.respondNext({ status: 200 });

    expect(await post(scripted.tokenUrl, wrong)).toMatchObject({ status: 503, retryAfter: '7' });
    expect(await post(scripted.tokenUrl, wrong)).toMatchObject({ status: 200, body: { a: 1 } });
    await expect(scripted.close()).rejects.toThrow('1 replies');
  });

  it('takes its time', async () => {
    upstream.latencyMs = 60;
    const started = performance.now();
    await post(upstream.tokenUrl, right);
    expect(performance.now() - started).toBeGreaterThanOrEqual(59);
  });
});
