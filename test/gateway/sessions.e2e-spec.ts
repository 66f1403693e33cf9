import { randomBytes, randomUUID } from 'node:crypto';
import { TokenAuthority } from '../../src/cells-authority/token-cache/token-authority.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { ownerOf } from '../support/owned-token.js';
import { BearerApi } from './bearer-api.js';
import { type Call, SimulatedService } from './simulated-service.js';

const SECRET = 'the-secret-of-a-client';
const LIFETIME_S = 3600;
const SESSION_S = 86_400;
const KIB = 1024;

let upstream: AsposeLimits;
let api: BearerApi;
let service: SimulatedService;
/** A different one for each test. */
let id: string;

beforeAll(async () => {
  upstream = await AsposeLimits.start({ expiresIn: LIFETIME_S });
  api = await BearerApi.start();
  service = await start();
});
afterAll(async () => {
  await service.close();
  await api.close();
  await upstream.close();
});

const start = (variables: Readonly<Record<string, string>> = {}) =>
  SimulatedService.start({
    UPSTREAM_TOKEN_URL: upstream.tokenUrl,
    CELLS_API_URL: api.origin,
    CELLS_API_SESSION_MAX_S: String(SESSION_S),
    ...variables,
  });

beforeEach(async () => {
  id = randomUUID();
  await service.tokenActions();
  upstream.clients.set(id, SECRET);
  upstream.clear();
  api.calls.length = 0;
  api.refused.clear();
  api.refusal = 401;
  api.refusesEarly = false;
  api.beforeRefusal = () => Promise.resolve();
});

const answered = (token: string, call?: Call) => service.call(token, call).then(({ status }) => status);

describe('A client whose token was issued here', () => {
  const moments: [when: string, seconds: number, renewed: boolean][] = [
    ['while its token is good', LIFETIME_S - 61, false],
    ['when its token is within a minute of its end', LIFETIME_S - 59, true],
    ['when its token has ended', LIFETIME_S + 1, true],
    ['until its session ends', SESSION_S - 1, true],
    ['but not after it has', SESSION_S + 1, false],
  ];

  it.each(moments)('goes on working %s', async (_when, seconds, renewed) => {
    const token = await service.token(id, SECRET);
    service.pass(seconds);

    expect(await answered(token)).toBe(200);
    expect(await answered(token)).toBe(200);

    const [first, second] = api.takeTokens();
    expect(first === token).toBe(!renewed);
    expect(second).toBe(first);
    expect(upstream.requests).toHaveLength(renewed ? 2 : 1);
    expect(await service.tokenActions()).toEqual(renewed ? { renewed: 2 } : { passed: 2 });
  });

  it('goes on working after its token was revoked, at the cost of one refusal', async () => {
    const token = await service.token(id, SECRET);
    api.refused.add(token);

    expect(await answered(token)).toBe(200);
    const [refused, repeated] = api.takeTokens();
    expect([refused, repeated]).toEqual([token, await service.token(id, SECRET)]);

    expect(await answered(token)).toBe(200);
    expect(api.takeTokens()).toEqual([repeated]);
    expect(await service.tokenActions()).toEqual({ passed: 1, dropped: 1, repeated: 1, renewed: 1 });
  });

  it('goes on working when the token that replaced its own is revoked as well', async () => {
    const token = await service.token(id, SECRET);
    service.pass(LIFETIME_S);
    await answered(token);
    const [second = ''] = api.takeTokens();
    api.refused.add(second);

    expect(await answered(token)).toBe(200);
    expect(api.takeTokens()).toEqual([second, await service.token(id, SECRET)]);
  });

  it('has the scope that it asked for in all its tokens', async () => {
    const token = await service.token(id, SECRET, 'a-scope');
    service.pass(LIFETIME_S);
    await answered(token);
    expect(api.takeTokens().map((sent) => ownerOf(sent))).toEqual([
      expect.objectContaining({ clientId: id, scope: 'a-scope', serial: ownerOf(token).serial + 1 }),
    ]);
  });

  it('makes one token request, however many of its calls are refused at once', async () => {
    const token = await service.token(id, SECRET);
    api.refused.add(token);
    const calls = 50;
    let release = (): void => undefined;
    const all = new Promise<void>((resolve) => {
      release = resolve;
    });
    let refusals = 0;
    api.beforeRefusal = () => {
      refusals += 1;
      if (refusals === calls) release();
      return all;
    };

    const statuses = await Promise.all(Array.from({ length: calls }, () => answered(token)));

    expect(statuses).toEqual(statuses.map(() => 200));
    expect(upstream.requests).toHaveLength(2);
    expect(await service.tokenActions()).toEqual({ passed: calls, dropped: 1, repeated: calls });
  });
});

describe('A refused request', () => {
  const repeatable: [what: string, call: Call][] = [
    ['a GET', {}],
    ['a HEAD', { method: 'HEAD' }],
    ['a DELETE', { method: 'DELETE' }],
    ['a POST without a body', { method: 'POST' }],
    ['a PUT of a byte', { method: 'PUT', body: Buffer.of(7) }],
    ['a PUT of 256 KiB', { method: 'PUT', body: randomBytes(256 * KIB) }],
  ];
  const streams: [what: string, call: Call][] = [
    ['a PUT of a byte more', { method: 'PUT', body: randomBytes(256 * KIB + 1) }],
    ['a PUT of 3 MiB', { method: 'PUT', body: randomBytes(3 * KIB * KIB) }],
  ];

  describe.each([
    ['after its body has come', false],
    ['before its body has come', true],
  ])('%s', (_when, early) => {
    it.each(repeatable)('is repeated, if it is %s, with the same body', async (_what, call) => {
      const token = await service.token(id, SECRET);
      api.refused.add(token);
      api.refusesEarly = early;

      expect(await answered(token, call)).toBe(200);

      const { method = 'GET', body = Buffer.alloc(0) } = call;
      expect(api.calls.map((each) => each.method)).toEqual([method, method]);
      expect(api.calls[1]?.body.equals(body)).toBe(true);
    });

    it.each(streams)('is not repeated, if it is %s', async (_what, call) => {
      const token = await service.token(id, SECRET);
      api.refused.add(token);
      api.refusesEarly = early;

      expect(await service.call(token, call)).toEqual({ status: 401, body: 'api 401' });

      expect(api.takeTokens()).toEqual([token]);
      expect(await service.tokenActions()).toEqual({ passed: 1, dropped: 1, not_repeatable: 1 });
      // It is known now.
      expect(await answered(token, call)).toBe(200);
    });
  });

  it.each([
    ['is repeated, if it is 256 KiB in chunks that have come', 256 * KIB, 200],
    ['is not repeated, if it is a byte more in chunks', 256 * KIB + 1, 401],
  ])('%s', async (_what, bytes, status) => {
    const token = await service.token(id, SECRET);
    api.refused.add(token);
    const body = randomBytes(bytes);

    expect(await answered(token, { method: 'POST', body, chunked: true })).toBe(status);
    expect(api.calls.map((call) => call.body.equals(body))).toEqual(status === 200 ? [true, true] : [true]);
  });

  it('is repeated once and no more', async () => {
    const token = await service.token(id, SECRET);
    const everyTokenIs = jest.spyOn(api.refused, 'has').mockReturnValue(true);

    expect(await service.call(token)).toEqual({ status: 401, body: 'api 401' });

    expect(new Set(api.takeTokens()).size).toBe(2);
    expect(await service.tokenActions()).toEqual({ passed: 1, dropped: 1, repeated: 1 });

    // The tokens are not the problem: a client that goes on costs one token request in 10 seconds.
    for (let nth = 0; nth < 5; nth += 1) expect(await answered(token)).toBe(401);
    expect(api.calls).toHaveLength(5);
    expect(upstream.requests).toHaveLength(2);
    service.pass(10);
    for (let nth = 0; nth < 5; nth += 1) expect(await answered(token)).toBe(401);
    expect(api.calls).toHaveLength(11);
    expect(upstream.requests).toHaveLength(3);
    everyTokenIs.mockRestore();
  });

  it('is not repeated after 403: that is about what the token may do', async () => {
    const token = await service.token(id, SECRET);
    api.refused.add(token);
    api.refusal = 403;

    expect(await answered(token)).toBe(403);
    expect(api.takeTokens()).toEqual([token]);
    expect(upstream.requests).toHaveLength(1);
  });
});

describe('A session without another token', () => {
  it('ends when its pair is refused', async () => {
    const token = await service.token(id, SECRET);
    upstream.clients.set(id, 'another-secret-by-now');
    api.refused.add(token);

    expect(await service.call(token)).toEqual({ status: 401, body: 'api 401' });
    expect(upstream.requests).toHaveLength(2);

    // The pair would be asked for again once its hold is over, if the session were still there.
    upstream.clients.set(id, SECRET);
    service.pass(600);
    expect(await answered(token)).toBe(401);
    expect(upstream.requests).toHaveLength(2);
    expect(api.takeTokens()).toEqual([token, token]);
  });

  it('passes the client’s own on while the authorization server is down, and works again afterwards', async () => {
    const token = await service.token(id, SECRET);
    service.pass(LIFETIME_S);
    api.refused.add(token);
    upstream.respondNext({ status: 503 });

    expect(await service.call(token)).toEqual({ status: 401, body: 'api 401' });
    expect(api.takeTokens()).toEqual([token]);

    expect(await answered(token)).toBe(200);
    expect(await service.tokenActions()).toEqual({ passed: 1, dropped: 1, renewed: 1 });
  });

  it('requests one for the address of the client, as given by the proxy', async () => {
    const behindProxy = await start({ TRUST_PROXY: '127.0.0.1' });
    const token = await behindProxy.token(id, SECRET);
    behindProxy.pass(LIFETIME_S);
    const obtain = jest.spyOn(behindProxy.app.get(TokenAuthority, { strict: false }), 'obtain');

    await behindProxy.call(token, { headers: { 'X-Forwarded-For': '203.0.113.9' } });

    expect(obtain).toHaveBeenCalledWith(expect.objectContaining({ clientAddress: '203.0.113.9' }), expect.anything());
    await behindProxy.close();
  });
});

describe('Without sessions', () => {
  it('an expired token is still passed on, and nothing is repeated', async () => {
    const without = await start({ CELLS_API_SESSION_MAX_S: '' });
    const token = await without.token(id, SECRET);
    api.refused.add(token);
    without.pass(LIFETIME_S);

    expect(await without.call(token)).toEqual({ status: 401, body: 'api 401' });
    expect(api.takeTokens()).toEqual([token]);
    expect(upstream.requests).toHaveLength(1);
    await without.close();
  });
});
