import { once } from 'node:events';
import { request } from 'node:http';
import { type RunningService, startService } from '../support/service.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange } from '../support/http-exchange.js';
import { ownerOf } from '../support/owned-token.js';
import { SimulatedTime } from './simulated-time.js';

const SECRET = 'a7c3e9f1b5d24860a7c3e9f1b5d24860';

describe('Reuse over HTTP', () => {
  let upstream: AsposeLimits;
  let service: RunningService;
  let id = 0;

  beforeAll(async () => {
    upstream = await AsposeLimits.start();
    service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl });
  });

  afterAll(async () => {
    await service.close();
    await upstream.close();
  });

  beforeEach(() => {
    upstream.clear();
    upstream.latencyMs = 0;
    id += 1;
    upstream.clients.set(`client-${id}`, SECRET);
  });

  const query = () => `/v4.0/cells/connect/token?client_id=client-${id}&client_secret=${SECRET}`;
  const ask = (headers: string[] = [], path = query()) => exchange(service.origin, { path, headers });
  const serial = ({ body }: { body: string }) => ownerOf(JSON.parse(body).access_token).serial;

  it('answers every credential form with the same kept token', async () => {
    const form = `client_id=client-${id}&client_secret=${SECRET}`;
    const replies = [
      await ask(),
      await exchange(service.origin, {
        path: '/connect/token',
        headers: ['Content-Type', 'application/x-www-form-urlencoded'],
        body: form,
      }),
      await exchange(service.origin, {
        path: '/oauth2/token',
        headers: ['Content-Type', 'application/json'],
        body: JSON.stringify({ client_id: `client-${id}`, client_secret: SECRET }),
      }),
      await exchange(service.origin, {
        path: '/v4.0/cells/connect/token',
        headers: ['Authorization', `Basic ${Buffer.from(`client-${id}:${SECRET}`).toString('base64')}`],
      }),
    ];
    expect(new Set(replies.map(serial)).size).toBe(1);
    expect(upstream.requests).toHaveLength(1);
    for (const reply of replies) {
      expect(reply.headers).toMatchObject({
        'content-type': 'application/json',
        'cache-control': 'no-store',
        pragma: 'no-cache',
      });
    }
  });

  it('sends a wrong secret upstream after a right one', async () => {
    expect((await ask()).status).toBe(200);
    const reply = await ask([], query().replace(SECRET, `${SECRET}x`));
    expect(reply.status).toBe(400);
    expect(upstream.requests).toHaveLength(2);
  });

  it('keeps scopes apart', async () => {
    await ask();
    const scoped = await ask([], `${query()}&scope=read`);
    expect(ownerOf(JSON.parse(scoped.body).access_token).scope).toBe('read');
    expect(upstream.requests).toHaveLength(2);
  });

  it('fetches a new token on Cache-Control: no-cache, and for min-fresh when too little is left', async () => {
    const first = serial(await ask());
    const second = serial(await ask(['Cache-Control', 'no-cache']));
    expect(second).toBeGreaterThan(first);
    expect(serial(await ask())).toBe(second);
    expect(serial(await ask(['Cache-Control', 'min-fresh=80000']))).toBe(second);
    expect(serial(await ask(['Cache-Control', 'min-fresh=90000']))).toBeGreaterThan(second);
  });

  it('lets one upstream request serve a burst, even if the client that began it disconnects', async () => {
    upstream.latencyMs = 300;
    const { hostname, port } = new URL(service.origin);
    const leader = request({ hostname, port, path: query(), method: 'POST', agent: false });
    leader.on('error', () => undefined);
    leader.end();
    await once(leader, 'finish');
    while (upstream.requestCount === 0) await new Promise(setImmediate);
    const before = upstream.requestCount;
    const others = Array.from({ length: 50 }, () => ask());
    await new Promise(setImmediate);
    leader.destroy();
    const serials = (await Promise.all(others)).map(serial);
    expect(new Set(serials).size).toBe(1);
    expect(upstream.requestCount).toBeLessThanOrEqual(before + 1);
    expect(upstream.requests).toHaveLength(1);
  });

  it('forwards every request with TOKEN_CACHE=off', async () => {
    const plain = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, TOKEN_CACHE: 'off' });
    const replies = await Promise.all(Array.from({ length: 10 }, () => exchange(plain.origin, { path: query() })));
    await plain.close();
    expect(new Set(replies.map(serial)).size).toBe(10);
  });
});

describe('Age of reused tokens', () => {
  it('is at most SDK_TOKEN_MAX_AGE_S on the SDK paths, and free on the published path', async () => {
    const time = await SimulatedTime.start([['sdk', 'sdk-secret']]);
    const asked = async (path: 'published' | 'sdk') => {
      expect(await time.ask('sdk', 'sdk-secret', {}, path)).toBe(200);
      return time.upstream.requestCount;
    };
    expect(await asked('sdk')).toBe(1);
    time.pass(59);
    expect(await asked('sdk')).toBe(1);
    time.pass(1);
    expect(await asked('published')).toBe(1);
    expect(await asked('sdk')).toBe(2);
    await time.close();
  });

  it('is at most TOKEN_MAX_AGE_S on the published path when that is set', async () => {
    const time = await SimulatedTime.start([['app', 'app-secret']], { tokenMaxAgeS: 300 });
    await time.ask('app', 'app-secret');
    time.pass(300);
    await time.ask('app', 'app-secret');
    expect(time.upstream.requestCount).toBe(2);
    await time.close();
  });
});
