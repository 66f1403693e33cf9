import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CellsApi as Sdk, GetWorksheetsRequest } from 'asposecellscloud';
import { CellsApiAuthorization, CellsAuthorityModule, OAuthError } from '../../src/cells-authority/index.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { CellsApi } from '../support/cells-api.js';
import { ownerOf } from '../support/owned-token.js';

const CLIENT = { clientId: 'application', clientSecret: 'secret-of-the-application' };

describe('Calls of the Cells API', () => {
  let upstream: AsposeLimits;
  let api: CellsApi;
  let elsewhere: CellsApi;
  let app: INestApplicationContext;
  let authorization: CellsApiAuthorization;

  beforeEach(async () => {
    upstream = await AsposeLimits.start({ clients: [[CLIENT.clientId, CLIENT.clientSecret]] });
    [api, elsewhere] = await Promise.all([CellsApi.start(), CellsApi.start()]);
    @Module({ imports: [CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl, credentials: CLIENT })] })
    class Host {}
    app = await NestFactory.createApplicationContext(Host, { logger: false });
    authorization = app.get(CellsApiAuthorization);
  });

  afterEach(async () => {
    await app.close();
    await Promise.all([api.close(), elsewhere.close(), upstream.close()]);
  });

  const serials = (calls = api.calls) =>
    calls.map(({ authorization: header }) =>
      header === undefined ? undefined : ownerOf(header.replace('Bearer ', '')).serial,
    );
  const acceptSecond = (token: string) => ownerOf(token).serial === 2;

  describe('by fetch', () => {
    let fetch: typeof globalThis.fetch;

    beforeEach(() => {
      fetch = authorization.createFetch({ origins: [api.origin] });
    });

    it('carry the Bearer, with the headers and the body they have', async () => {
      const response = await fetch(new Request(`${api.origin}/v4.0/cells`, { method: 'PUT', body: 'book' }));
      await fetch(new URL(`${api.origin}/there`), { headers: { Accept: 'text/plain' } });

      expect(await response.json()).toEqual({ sheets: ['Sheet1'] });
      expect(serials()).toEqual([1, 1]);
      expect(api.calls[0]).toMatchObject({ method: 'PUT', path: '/v4.0/cells', body: 'book' });
    });

    it.each([
      ['no body', undefined, ''],
      ['text', 'a text', 'a text'],
      ['bytes', new Uint8Array(Buffer.from('bytes')), 'bytes'],
      ['a form', new URLSearchParams({ a: '1' }), 'a=1'],
    ])('are repeated once after a 401: %s', async (_name, body, sent) => {
      api.accepts = acceptSecond;

      const { status } = await fetch(api.origin, { method: 'POST', body });

      expect(status).toBe(200);
      expect(serials()).toEqual([1, 2]);
      expect(api.calls.map((call) => call.body)).toEqual([sent, sent]);
    });

    it('are repeated although the refusal breaks off while the token is renewed', async () => {
      let broken = Promise.resolve<unknown>(undefined);
      api.answer = (_call, response) => {
        if (api.calls.length > 1) return false;
        response.writeHead(401).write('half');
        broken = once(response, 'close');
        upstream.latencyMs = 50;
        setImmediate(() => response.socket?.resetAndDestroy());
        return true;
      };
      expect((await fetch(api.origin)).status).toBe(200);
      await broken;
      expect(serials()).toEqual([1, 2]);
    });

    it('are not repeated when the body is a stream, and the next call has a new token', async () => {
      api.accepts = acceptSecond;
      const upload = () =>
        fetch(api.origin, {
          method: 'POST',
          body: Readable.toWeb(Readable.from(['a', 'b'])),
          duplex: 'half',
        } as object);

      expect((await upload()).status).toBe(401);
      expect((await upload()).status).toBe(200);

      expect(serials()).toEqual([1, 2]);
      expect(api.calls.map(({ body }) => body)).toEqual(['ab', 'ab']);
    });

    it('hand response streams over as they come', async () => {
      api.answer = (_call, response) => {
        response.writeHead(200).write('first');
        setImmediate(() => response.end(' last'));
        return true;
      };

      const { body } = await fetch(api.origin);
      if (body === null) throw new Error('no body');

      expect(await text(body)).toBe('first last');
    });

    it('end with the second 401, and with one token request for all of them', async () => {
      api.accepts = () => false;

      for (let calls = 0; calls < 5; calls += 1) expect((await fetch(api.origin)).status).toBe(401);

      expect(serials()).toEqual([1, 2, 2, 2, 2, 2]);
      expect(upstream.requestCount).toBe(2);
    });

    it('end with their signal while they wait for a token', async () => {
      upstream.latencyMs = 400;
      const reason = new Error('changed my mind');

      const call = fetch(api.origin, { signal: AbortSignal.abort(reason) });
      const late = fetch(new Request(api.origin, { signal: AbortSignal.timeout(50) }));

      await expect(call).rejects.toBe(reason);
      await expect(late).rejects.toMatchObject({ name: 'TimeoutError' });
      expect(api.calls).toEqual([]);
    });

    it('keep the token from other origins, and from requests with an authorization of their own', async () => {
      await fetch(elsewhere.origin);
      await fetch(api.origin, { headers: { Authorization: 'Bearer mine' } });
      api.answer = (_call, response) => {
        response.writeHead(307, { Location: elsewhere.origin }).end();
        return true;
      };
      const moved = await fetch(api.origin);

      expect(moved.status).toBe(401);
      expect(elsewhere.calls.map(({ authorization: header }) => header)).toEqual([undefined, undefined]);
      expect(api.calls.map(({ authorization: header }) => header?.length)).toEqual([
        'Bearer mine'.length,
        expect.any(Number),
      ]);
      expect(upstream.requestCount).toBe(1);
    });

    it('reject with the OAuthError when there is no token', async () => {
      upstream.clients.set(CLIENT.clientId, 'changed');

      await expect(fetch(api.origin)).rejects.toBeInstanceOf(OAuthError);
    });

    it('of all other addresses are fetch itself by default', async () => {
      const { fetch: byDefault } = authorization;

      expect((await byDefault(api.origin)).status).toBe(401);
      expect(serials()).toEqual([undefined]);
    });
  });

  describe('by the official Node SDK', () => {
    const worksheets = async (sdk: Sdk) => {
      const { body } = (await sdk.getWorksheets(new GetWorksheetsRequest({ name: 'book.xlsx' }))) as { body: unknown };
      return body;
    };
    const sdkOf = (...credentials: [string, string]) => new Sdk(...credentials, 'v3.0', api.origin);

    it('carry the Bearer, without credentials of their own as well', async () => {
      for (const sdk of [sdkOf('', ''), sdkOf('unused', 'unused')]) {
        authorization.attachSdk(sdk);
        await worksheets(sdk);
      }

      expect(serials()).toEqual([1, 1]);
      expect(api.calls.map(({ path }) => path)).toEqual(Array(2).fill('/v3.0/cells/book.xlsx/worksheets'));
      expect(upstream.requestCount).toBe(1);
    });

    it('50 of them refused at once make one token request', async () => {
      const sdk = sdkOf('', '');
      authorization.attachSdk(sdk);
      await worksheets(sdk);
      api.accepts = acceptSecond;

      await Promise.all(Array.from({ length: 50 }, () => worksheets(sdk)));

      expect(upstream.requestCount).toBe(2);
      expect(serials().filter((serial) => serial === 2)).toHaveLength(50);
    });

    it('fail when the API refuses every token, or when there is none, and the process lives on', async () => {
      const sdk = sdkOf('', '');
      authorization.attachSdk(sdk);
      api.accepts = () => false;
      await expect(worksheets(sdk)).rejects.toThrow();
      await expect(worksheets(sdk)).rejects.toThrow();
      expect(upstream.requestCount).toBe(2);

      upstream.clients.set(CLIENT.clientId, 'changed');
      const other = sdkOf('', '');
      authorization.attachSdk(other, { scope: 'other' });
      await expect(worksheets(other)).rejects.toBeInstanceOf(OAuthError);
    });

    it('keep the token from other origins, and follow redirects to their own', async () => {
      const sdk = sdkOf('', '');
      authorization.attachSdk(sdk);
      let location = '/elsewhere/on-the-same-origin';
      api.answer = ({ path }, response) => {
        if (path.startsWith('/elsewhere')) return false;
        response.writeHead(302, { Location: location }).end();
        return true;
      };
      await worksheets(sdk);
      expect(serials()).toEqual([1, 1]);

      location = elsewhere.origin;
      await expect(worksheets(sdk)).rejects.toBeDefined();
      expect(elsewhere.calls).toEqual([]);
    });

    it('go out as before once it is undone, and not on two sets of terms', () => {
      const sdk = sdkOf('', '');
      const { authentication, clientId } = sdk.configuration;
      const undo = authorization.attachSdk(sdk);

      expect(authorization.attachSdk(sdk)).toBe(undo);
      expect(() => authorization.attachSdk(sdk, { scope: 'other' })).toThrow('on other terms');
      undo();

      expect(sdk.configuration.authentication).toBe(authentication);
      expect(sdk.configuration.clientId).toBe(clientId);
    });
  });
});
