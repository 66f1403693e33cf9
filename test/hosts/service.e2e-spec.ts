import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  CellsAuthorityModule,
  type CellsAuthorityOptions,
  CellsAuthorityService,
  OAuthError,
} from '../../src/cells-authority/index.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { closedPort } from '../support/closed-port.js';
import { LeakScanner } from '../support/leak-scanner.js';
import { ownerOf } from '../support/owned-token.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { answerToken } from '../support/upstream-scripts.js';

const CLIENT = { clientId: 'application', clientSecret: 'secret-of-the-application' };
const WRONG = { clientId: 'application', clientSecret: 'a-secret-that-is-wrong' };

describe('CellsAuthorityService', () => {
  let upstream: AsposeLimits;
  let apps: INestApplicationContext[];
  let authority: CellsAuthorityService;

  async function start(options: CellsAuthorityOptions): Promise<CellsAuthorityService> {
    @Module({ imports: [CellsAuthorityModule.forRoot(options)] })
    class Host {}
    const app = await NestFactory.createApplicationContext(Host, { logger: false });
    apps.push(app);
    return app.get(CellsAuthorityService);
  }

  beforeEach(async () => {
    apps = [];
    upstream = await AsposeLimits.start({ clients: [[CLIENT.clientId, CLIENT.clientSecret]] });
    authority = await start({ upstreamTokenUrl: upstream.tokenUrl, credentials: CLIENT });
  });

  afterEach(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await upstream.close();
  });

  const serial = async (token: Promise<string>) => ownerOf(await token).serial;

  it('postAccessToken() gives the token response, and what upstream adds to it', async () => {
    upstream.respondNext({
      status: 200,
      body: { access_token: 't', token_type: 'bearer', expires_in: '60', extra: [1] },
    });

    expect(await authority.postAccessToken(CLIENT)).toEqual({
      access_token: 't',
      token_type: 'bearer',
      expires_in: 60,
      extra: [1],
    });
  });

  it('getAccessToken() gives the token of the configured credentials', async () => {
    expect(ownerOf(await authority.getAccessToken())).toEqual({ clientId: CLIENT.clientId, scope: '', serial: 1 });
  });

  it('getAccessToken() without configured credentials says what is missing', async () => {
    const without = await start({ upstreamTokenUrl: upstream.tokenUrl });

    await expect(without.getAccessToken()).rejects.toThrow(
      'CellsAuthorityModule: getAccessToken() needs the option "credentials"',
    );
  });

  it('both share one token and one flight', async () => {
    const calls = Array.from({ length: 50 }, (_, i) =>
      i % 2 === 0 ? authority.getAccessToken() : authority.postAccessToken(CLIENT).then((reply) => reply.access_token),
    );

    expect(new Set(await Promise.all(calls)).size).toBe(1);
    expect(upstream.requestCount).toBe(1);
  });

  it('scope decides which token is right', async () => {
    await authority.getAccessToken();

    expect(ownerOf(await authority.getAccessToken({ scope: 'api.products' }))).toMatchObject({ scope: 'api.products' });
    expect(await serial(authority.getAccessToken())).toBe(1);
  });

  it('minFresh and forceRefresh fetch a new token, which replaces the kept one', async () => {
    await authority.getAccessToken();

    expect(await serial(authority.getAccessToken({ minFresh: 80_000 }))).toBe(1);
    expect(await serial(authority.getAccessToken({ minFresh: 86_401 }))).toBe(2);
    expect(await serial(authority.getAccessToken({ forceRefresh: true }))).toBe(3);
    expect(await serial(authority.getAccessToken())).toBe(3);
  });

  it('invalidate() drops exactly that token, and no newer one', async () => {
    const first = await authority.getAccessToken();
    const second = await authority.getAccessToken({ forceRefresh: true });

    authority.invalidate(first);
    expect(await authority.getAccessToken()).toBe(second);
    authority.invalidate('no token at all');
    expect(await authority.getAccessToken()).toBe(second);
    authority.invalidate(second);
    expect(await serial(authority.getAccessToken())).toBe(3);
  });

  it('closes its connections with the application', async () => {
    const scripted = await startScriptedServer(answerToken);
    try {
      const own = await start({ upstreamTokenUrl: scripted.tokenUrl, credentials: CLIENT });
      await own.getAccessToken();
      const isOpen = () => scripted.connections.map(({ open }) => open);
      expect(isOpen()).toEqual([true]);

      await apps.pop()?.close();
      // Well before the 15 s that an idle connection lasts.
      for (let waited = 0; waited < 100 && isOpen().includes(true); waited += 1) await delay(20);

      expect(isOpen()).toEqual([false]);
    } finally {
      await scripted.close();
    }
  });

  describe('signal', () => {
    it('ends the wait with its reason, and leaves the token to the others', async () => {
      upstream.latencyMs = 100;
      const controller = new AbortController();
      const others = authority.getAccessToken();
      const aborted = authority.getAccessToken({ signal: controller.signal });
      const reason = new Error('enough');
      controller.abort(reason);

      await expect(aborted).rejects.toBe(reason);
      expect(await serial(others)).toBe(1);
      expect(upstream.requestCount).toBe(1);
    });

    it('of the first caller does not take the token from those who joined', async () => {
      upstream.latencyMs = 100;
      const first = authority.getAccessToken({ signal: AbortSignal.timeout(20) });
      const joined = authority.getAccessToken();

      await expect(first).rejects.toMatchObject({ name: 'TimeoutError' });
      expect(await serial(joined)).toBe(1);
      expect(upstream.requestCount).toBe(1);
    });

    it('aborted beforehand, there is no request', async () => {
      await expect(authority.getAccessToken({ signal: AbortSignal.abort() })).rejects.toMatchObject({
        name: 'AbortError',
      });
      expect(upstream.requestCount).toBe(0);
    });

    it('keeps no listener once the token has arrived', async () => {
      const { signal } = new AbortController();
      const add = jest.spyOn(signal, 'addEventListener');
      const remove = jest.spyOn(signal, 'removeEventListener');

      await authority.getAccessToken({ signal });

      expect(remove.mock.calls.map(([, listener]) => listener)).toEqual(add.mock.calls.map(([, listener]) => listener));
    });
  });

  describe('errors', () => {
    it.each<[string, () => Promise<unknown>, object]>([
      [
        'refused credentials',
        () => authority.postAccessToken(WRONG),
        { error: 'invalid_client', status: 400, retryAfter: undefined },
      ],
      [
        'an empty secret',
        () => authority.postAccessToken({ clientId: 'a', clientSecret: '' }),
        { error: 'invalid_request', status: 400, description: 'client_secret is missing' },
      ],
      [
        'a malformed scope',
        () => authority.getAccessToken({ scope: 'a  b' }),
        { error: 'invalid_request', status: 400 },
      ],
      [
        'a failing upstream',
        () => {
          upstream.respondNext({ status: 500 });
          return authority.getAccessToken();
        },
        { error: 'temporarily_unavailable', status: 503, retryAfter: expect.any(Number) },
      ],
      [
        'a throttling upstream',
        () => {
          upstream.respondNext({ status: 429, headers: { 'Retry-After': '33' } });
          return authority.getAccessToken();
        },
        { status: 429, retryAfter: 33 },
      ],
    ])('%s: one typed error', async (_what, call, members) => {
      const error: unknown = await call().catch((reason: unknown) => reason);

      expect(error).toBeInstanceOf(OAuthError);
      expect(error).toMatchObject({ name: 'OAuthError', description: expect.any(String), ...members });
    });

    it('the same pair, refused, is answered from memory by every way in', async () => {
      await expect(authority.postAccessToken(WRONG)).rejects.toMatchObject({ error: 'invalid_client' });

      await expect(authority.postAccessToken(WRONG)).rejects.toMatchObject({
        error: 'invalid_client',
        retryAfter: expect.any(Number),
      });
      expect(upstream.requestCount).toBe(1);
    });

    it('hold no secret, however they are printed, inspected or serialised', async () => {
      const upstreamTokenUrl = `http://127.0.0.1:${await closedPort()}/connect/token`;
      const unreachable = await start({ upstreamTokenUrl, credentials: CLIENT });
      // The worst case: upstream repeats what it was sent.
      const echo = { error: 'invalid_client', error_description: `no ${WRONG.clientSecret}`, sent: WRONG.clientSecret };
      upstream.respondNext({ status: 400, body: echo });
      const scanner = new LeakScanner()
        .protectCredentials('own', CLIENT.clientId, CLIENT.clientSecret)
        .protectCredentials('wrong', WRONG.clientId, WRONG.clientSecret);
      const errors = await Promise.all(
        [
          () => authority.postAccessToken(WRONG),
          () => authority.postAccessToken({ ...CLIENT, clientSecret: `${CLIENT.clientSecret}\n` }),
          () => unreachable.getAccessToken(),
        ].map((call) =>
          call().then(
            () => undefined,
            (reason: unknown) => reason,
          ),
        ),
      );

      for (const error of errors) {
        if (!(error instanceof OAuthError)) throw new Error('no OAuthError');
        scanner.add('inspect', inspect(error, { showHidden: true, getters: true, depth: Infinity, showProxy: true }));
        scanner.add('JSON', JSON.stringify([error, Object.entries(error)]));
        scanner.add('String', `${String(error)} ${error.message} ${String(error.stack)} ${String(error.cause)}`);
        scanner.add('structuredClone', inspect(structuredClone(error), { showHidden: true, depth: Infinity }));
        scanner.add(
          'members',
          inspect([error.body, error.headers, error.with({}), Object.getOwnPropertyDescriptors(error)]),
        );
        expect(error.cause).toBeUndefined();
      }
      expect(scanner.bytes).toBeGreaterThan(1000);
      expect(scanner.leaks()).toEqual([]);
    });
  });
});
