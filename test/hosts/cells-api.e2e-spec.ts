import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { HttpService } from '@nestjs/axios';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import axios, { AxiosError, type AxiosInstance } from 'axios';
import { lastValueFrom } from 'rxjs';
import {
  CellsApiAuthorization,
  type CellsApiAuthorizationOptions,
  CellsAuthorityModule,
  OAuthError,
} from '../../src/cells-authority/index.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { CellsApi } from '../support/cells-api.js';
import { LeakScanner } from '../support/leak-scanner.js';
import { ownerOf } from '../support/owned-token.js';

const CLIENT = { clientId: 'application', clientSecret: 'secret-of-the-application' };
const TENANT = { clientId: 'tenant', clientSecret: 'secret-of-the-tenant' };

describe('Calls of the Cells API', () => {
  let upstream: AsposeLimits;
  let api: CellsApi;
  let elsewhere: CellsApi;
  let app: INestApplicationContext;

  beforeEach(async () => {
    upstream = await AsposeLimits.start({
      clients: [CLIENT, TENANT].map(({ clientId, clientSecret }) => [clientId, clientSecret] as const),
    });
    api = await CellsApi.start();
    elsewhere = await CellsApi.start();
    const authority = CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl, credentials: CLIENT });
    @Module({ imports: [authority] })
    class Host {}
    app = await NestFactory.createApplicationContext(Host, { logger: false });
  });

  afterEach(async () => {
    await app.close();
    await Promise.all([api.close(), elsewhere.close(), upstream.close()]);
  });

  function attached(options: Partial<CellsApiAuthorizationOptions> = {}, instance = axios.create()): AxiosInstance {
    instance.defaults.baseURL = api.origin;
    app.get(CellsApiAuthorization).attach(instance, { origins: [api.origin], ...options });
    return instance;
  }

  const serials = (calls = api.calls) =>
    calls.map(({ authorization }) =>
      authorization === undefined ? undefined : ownerOf(authorization.replace('Bearer ', '')).serial,
    );

  it('carry the Bearer, on an axios instance', async () => {
    const { data } = await attached().get<unknown>('/v4.0/cells/book.xlsx');

    expect(data).toEqual({ sheets: ['Sheet1'] });
    expect(serials()).toEqual([1]);
  });

  it('carry the Bearer, on an HttpService', async () => {
    const http = new HttpService(axios.create());
    app.get(CellsApiAuthorization).attach(http, { origins: [api.origin] });

    await lastValueFrom(http.get(`${api.origin}/v4.0/cells/book.xlsx`));

    expect(serials()).toEqual([1]);
  });

  it('share one token', async () => {
    const http = attached();

    await Promise.all(Array.from({ length: 20 }, () => http.get('/')));

    expect(new Set(serials())).toEqual(new Set([1]));
    expect(upstream.issued).toBe(1);
  });

  it('can be those of other credentials and a scope', async () => {
    await attached({ credentials: TENANT, scope: 'api.products' }).get('/');

    expect(ownerOf(api.calls[0]?.authorization?.replace('Bearer ', '') ?? '')).toMatchObject({
      clientId: 'tenant',
      scope: 'api.products',
    });
  });

  it('go out as before once it is undone', async () => {
    const instance = axios.create({ baseURL: api.origin, validateStatus: () => true });
    const undo = app.get(CellsApiAuthorization).attach(instance, { origins: [api.origin] });
    await instance.get('/');

    undo();
    await instance.get('/');

    expect(serials()).toEqual([1, undefined]);
  });

  describe('on a 401', () => {
    const repeatable: [string, unknown, string][] = [
      ['no body', undefined, ''],
      ['JSON', { a: 1 }, '{"a":1}'],
      ['text', 'a text', 'a text'],
      ['a Buffer', Buffer.from('bytes'), 'bytes'],
      ['a form', new URLSearchParams({ a: '1' }), 'a=1'],
    ];
    it.each(repeatable)('are repeated once with a new token: %s', async (_name, body, sent) => {
      api.accepts = (token) => ownerOf(token).serial === 2;

      const { data, status } = await attached().post<unknown>('/', body);

      expect({ data, status }).toEqual({ data: { sheets: ['Sheet1'] }, status: 200 });
      expect(serials()).toEqual([1, 2]);
      expect(api.calls.map(({ method, body: got }) => [method, got])).toEqual([
        ['POST', sent],
        ['POST', sent],
      ]);
    });

    it('are repeated with multipart forms', async () => {
      api.accepts = (token) => ownerOf(token).serial === 2;
      const form = new FormData();
      form.set('file', new Blob(['cells']), 'book.csv');

      await attached().post('/', form);

      expect(serials()).toEqual([1, 2]);
      for (const { body } of api.calls) expect(body).toContain('cells');
    });

    it('are repeated with the forms that axios makes of objects, files in memory included', async () => {
      api.accepts = (token) => ownerOf(token).serial === 2;

      await attached().postForm('/', { name: 'book.csv', file: Buffer.from('a,b,c') });

      expect(serials()).toEqual([1, 2]);
      expect(new Set(api.calls.map(({ body }) => body))).toHaveProperty('size', 1);
      for (const { body } of api.calls) expect(body).toMatch(/name="name"\r\n\r\nbook\.csv\r\n[^]*a,b,c\r\n/);
    });

    it('are not repeated with a form that has a stream in it', async () => {
      api.accepts = (token) => ownerOf(token).serial === 2;

      const call = attached().postForm('/', { file: Readable.from(['a,b,c']) });
      await expect(call).rejects.toMatchObject({ response: { status: 401 } });

      expect(serials()).toEqual([1]);
    });

    it('cost no token request each when the API refuses every token', async () => {
      api.accepts = () => false;
      const http = attached({}, axios.create({ validateStatus: () => true }));

      for (let calls = 0; calls < 5; calls += 1) await http.get('/');
      for (let calls = 0; calls < 5; calls += 1) await http.post('/', Readable.from(['a', 'b']));

      expect(serials()).toEqual([1, ...Array.from({ length: 10 }, () => 2)]);
      expect(upstream.requestCount).toBe(2);
    });

    it('are not repeated when the body is a stream, and the next call has a new token', async () => {
      api.accepts = (token) => ownerOf(token).serial === 2;
      const http = attached();

      await expect(http.post('/', Readable.from(['a', 'b']))).rejects.toMatchObject({ response: { status: 401 } });
      await http.post('/', Readable.from(['a', 'b']));

      expect(serials()).toEqual([1, 2]);
    });

    it('fail with the second 401', async () => {
      api.accepts = () => false;

      await expect(attached().get('/')).rejects.toMatchObject({
        name: 'AxiosError',
        response: { status: 401, data: { Message: 'Unauthorized' } },
      });

      expect(serials()).toEqual([1, 2]);
    });

    it('are repeated where validateStatus lets a 401 pass', async () => {
      api.accepts = (token) => ownerOf(token).serial === 2;

      const { status } = await attached().get('/', { validateStatus: () => true });

      expect(status).toBe(200);
      expect(serials()).toEqual([1, 2]);
    });

    it('are repeated for response streams, too', async () => {
      api.accepts = (token) => ownerOf(token).serial === 2;

      const { data } = await attached().get<Readable>('/', { responseType: 'stream' });

      expect(JSON.parse(Buffer.concat(await data.toArray()).toString())).toEqual({ sheets: ['Sheet1'] });
    });

    it('reject with the OAuthError when no new token can be had', async () => {
      const http = attached();
      await http.get('/');
      api.accepts = () => false;
      upstream.clients.set(CLIENT.clientId, 'changed');

      await expect(http.get('/')).rejects.toBeInstanceOf(OAuthError);

      expect(serials()).toEqual([1, 1]);
    });

    it('run the other interceptors once', async () => {
      api.accepts = (token) => ownerOf(token).serial === 2;
      const http = attached();
      const onRequest = jest.fn(<T>(config: T) => config);
      const onResponse = jest.fn(<T>(response: T) => response);
      http.interceptors.request.use(onRequest);
      http.interceptors.response.use(onResponse);

      await http.get('/');

      expect(onRequest).toHaveBeenCalledTimes(1);
      expect(onResponse).toHaveBeenCalledTimes(1);
    });
  });

  it('200 of them refused at once make one token request, however late the refusals come', async () => {
    const http = attached();
    await http.get('/');
    api.calls.length = 0;
    api.accepts = (token) => ownerOf(token).serial === 2;
    // The second half is refused when the new token has been fetched and used already.
    let renewed: () => void = () => undefined;
    const renewal = new Promise<void>((resolve) => {
      renewed = resolve;
    });
    api.beforeRefusal = (nth) => (nth > 100 ? renewal : Promise.resolve());
    const calls = Array.from({ length: 200 }, () => http.get('/'));
    await Promise.race(calls);
    renewed();

    const replies = await Promise.all(calls);

    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 200 }, () => 200));
    expect(serials().filter((serial) => serial === 1)).toHaveLength(200);
    expect(serials().filter((serial) => serial === 2)).toHaveLength(200);
    expect(upstream.requestCount).toBe(2);
  });

  describe('keep the token from', () => {
    it('other origins', async () => {
      const http = attached();
      await expect(http.get(elsewhere.origin)).rejects.toMatchObject({ response: { status: 401 } });
      await expect(http.get('/', { baseURL: elsewhere.origin })).rejects.toMatchObject({ response: { status: 401 } });

      expect(elsewhere.calls.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
      expect(upstream.requestCount).toBe(0);
    });

    it('all but Aspose Cloud by default', async () => {
      const http = axios.create({ baseURL: api.origin });
      app.get(CellsApiAuthorization).attach(http);

      await expect(http.get('/')).rejects.toMatchObject({ response: { status: 401 } });

      expect(api.calls[0]?.authorization).toBeUndefined();
    });

    it.each([true, false])('where a redirect leads, whose 401 does not count as one of the API', async (known) => {
      api.answer = (_call, response) => {
        response.writeHead(307, { Location: `${elsewhere.origin}/moved` }).end();
        return true;
      };

      const http = attached({ origins: [api.origin, ...(known ? [elsewhere.origin] : [])] });
      await expect(http.post('/', 'x')).rejects.toMatchObject({ response: { status: 401 } });

      expect(serials()).toEqual([1]);
      expect(elsewhere.calls).toEqual([{ method: 'POST', path: '/moved', authorization: undefined, body: 'x' }]);
      expect(upstream.issued).toBe(1);
    });

    it('where a redirect leads to a subdomain', async () => {
      const port = new URL(api.origin).port;
      const seen: (string | undefined)[] = [];
      api.answer = ({ path, authorization }, response) => {
        if (path === '/') response.writeHead(307, { Location: `http://sub.localhost:${port}/sub` }).end();
        else {
          seen.push(authorization);
          response.writeHead(200).end();
        }
        return true;
      };
      await attached({ origins: [`http://localhost:${port}`] }).get('/', {
        baseURL: `http://localhost:${port}`,
        lookup: (_host, _options, done) => {
          done(null, '127.0.0.1', 4);
        },
      });

      expect(serials()).toEqual([1, undefined]);
      expect(seen).toEqual([undefined]);
    });

    it('no one on a redirect within its origin', async () => {
      api.answer = ({ path }, response) => {
        if (path !== '/') return false;
        response.writeHead(302, { Location: '/there' }).end();
        return true;
      };

      await attached().get('/');

      expect(serials()).toEqual([1, 1]);
    });

    it('requests that bring an authorization of their own', async () => {
      const http = attached({}, axios.create({ validateStatus: () => true }));
      await http.get('/', { headers: { authorization: 'Bearer mine' } });
      await http.get('/', { auth: { username: 'a', password: 'b' } });

      expect(api.calls.map(({ authorization }) => authorization)).toEqual(['Bearer mine', 'Basic YTpi']);
      expect(upstream.requestCount).toBe(0);
    });

    it('responses and errors, however printed', async () => {
      const http = attached();
      const response = await http.get('/');
      api.accepts = () => false;
      const error: unknown = await http.get('/').catch((reason: unknown) => reason);
      if (!(error instanceof AxiosError)) throw new Error('no axios error');
      const scanner = new LeakScanner();
      for (const { authorization = '' } of api.calls) scanner.protect('token', authorization.replace('Bearer ', ''));

      scanner.add('response', inspect({ ...response, request: undefined }, { depth: 9, showHidden: true }));
      scanner.add(
        'error',
        JSON.stringify(error) + error.message + String(error.stack) + inspect(error.config, { depth: 9 }),
      );

      expect(scanner.leaks()).toEqual([]);
    });
  });

  it('end with the signal while they wait for a token', async () => {
    upstream.latencyMs = 300;
    const http = attached();
    const controller = new AbortController();
    const call = http.get('/', { signal: controller.signal });
    setImmediate(() => {
      controller.abort();
    });

    await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELED' });

    expect(api.calls).toEqual([]);
  });

  it('spend their timeout on the token as well', async () => {
    upstream.latencyMs = 400;

    const call = attached().get('/', { timeout: 50 });

    await expect(call).rejects.toMatchObject({ code: 'ECONNABORTED', message: 'timeout of 50ms exceeded' });
    expect(api.calls).toEqual([]);
  });

  it('are sent with the rest of their timeout', async () => {
    upstream.latencyMs = 300;
    const sent: unknown[] = [];
    const instance = axios.create({
      adapter: (config) => {
        sent.push(config.timeout);
        return Promise.resolve({ data: '', status: 200, statusText: 'OK', headers: {}, config });
      },
    });

    await attached({}, instance).get('/', { timeout: 60_000 });

    expect(sent).toEqual([expect.any(Number)]);
    expect(Number(sent[0])).toBeLessThanOrEqual(59_710);
  });

  it('carry one token, however often a client is attached, and on one set of terms', async () => {
    const http = axios.create({ baseURL: api.origin });
    const authorization = app.get(CellsApiAuthorization);
    const undo = authorization.attach(http, { origins: [api.origin] });

    expect(authorization.attach(http, { origins: [api.origin] })).toBe(undo);
    expect(() => authorization.attach(http, { origins: [api.origin], credentials: TENANT })).toThrow(
      'CellsApiAuthorization: it is attached already, on other terms; detach it first',
    );
    expect(() => authorization.attach(http)).toThrow('on other terms');
    undo();
    authorization.attach(http, { origins: [api.origin], credentials: TENANT });
    await http.get('/');

    expect(ownerOf(api.calls[0]?.authorization?.replace('Bearer ', '') ?? '').clientId).toBe('tenant');
  });

  it('are as before when the application has ended, for the next one in the process', async () => {
    const shared = axios.create({ baseURL: api.origin, validateStatus: () => true });
    app.get(CellsApiAuthorization).attach(shared, { origins: [api.origin] });
    const options = { upstreamTokenUrl: upstream.tokenUrl, credentials: TENANT };
    const next = await NestFactory.createApplicationContext(CellsAuthorityModule.forRoot(options), { logger: false });
    const attach = () => next.get(CellsApiAuthorization).attach(shared, { origins: [api.origin] });

    expect(attach).toThrow('another module is attached to it');
    await app.close();
    await shared.get('/');
    attach();
    await shared.get('/');
    await next.close();

    expect(serials()).toEqual([undefined, 1]);
  });

  it.each([
    'ftp://api.aspose.cloud',
    'http://api.aspose.cloud',
    'api.aspose.cloud',
    'https://user:pw@api.aspose.cloud',
  ])('refuse %s as an origin', (origin) => {
    expect(() => app.get(CellsApiAuthorization).attach(axios.create(), { origins: [origin] })).toThrow(
      'CellsApiAuthorization: origins must be https:// URLs, or http:// to a loopback address',
    );
  });
});
