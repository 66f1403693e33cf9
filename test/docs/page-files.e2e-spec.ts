import { type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { once } from 'node:events';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { createContext, runInContext } from 'node:vm';
import { startBuiltService } from '../support/built-service.js';
import { type RunningService, startService } from '../support/service.js';

const SCRIPT = '/cells/swagger-ui-bundle.js';

describe('the files of the try-it page', () => {
  let service: RunningService;

  beforeAll(async () => {
    service = await startService({});
  });
  afterAll(() => service.close());

  async function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
    const outgoing = request(service.origin + path, { method, headers, agent: false }).end();
    const [reply] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { status: reply.statusCode, headers: reply.headers, body: await buffer(reply) };
  }

  it('come in the encoding that is accepted, the smallest first', async () => {
    const plain = await ask(SCRIPT);
    expect(plain.headers).not.toHaveProperty('content-encoding');
    expect(plain.headers['content-length']).toBe(String(plain.body.length));
    expect(plain.headers['content-type']).toBe('text/javascript; charset=utf-8');
    const brotli = await ask(SCRIPT, { 'Accept-Encoding': 'gzip, deflate, br' });
    expect(brotli.headers).toMatchObject({ 'content-encoding': 'br', vary: 'Accept-Encoding' });
    expect(brotliDecompressSync(brotli.body).equals(plain.body)).toBe(true);
    const gzip = await ask(SCRIPT, { 'Accept-Encoding': 'br;q=0, gzip' });
    expect(gzip.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
    expect(brotli.body.length).toBeLessThan(plain.body.length / 3);
  });

  it.each(['/cells', '/cells/', SCRIPT, '/cells/openapi.json?lang=fr'])('%s is not sent twice', async (path) => {
    const { status, headers } = await ask(path);
    expect(status).toBe(200);
    const etag = String(headers.etag);
    expect(await ask(path, { 'If-None-Match': `"other", W/${etag}` })).toMatchObject({
      status: 304,
      headers: { etag },
    });
    expect(await ask(path, { 'If-None-Match': '"other"' })).toMatchObject({ status: 200 });
    // Each encoding is a representation of its own.
    const encoded = { 'If-None-Match': etag, 'Accept-Encoding': 'gzip' };
    expect(await ask(path, encoded)).toMatchObject({ status: 200, headers: { 'content-encoding': 'gzip' } });
  });

  it('HEAD tells their size', async () => {
    const { status, headers, body } = await ask(SCRIPT, {}, 'HEAD');
    expect({ status, length: headers['content-length'], body: body.length }).toEqual({
      status: 200,
      length: String((await ask(SCRIPT)).body.length),
      body: 0,
    });
  });

  it.each([
    'package.json',
    'swagger-ui-bundle.js.map',
    'index.html',
    'LICENSE',
    'favicon-16x16.png',
    '..%2fpackage.json',
  ])('%s is none of them', async (name) => {
    expect((await ask(`/cells/${name}`)).status).toBe(404);
  });

  it('are all in the built service, and the text of its plugins runs in a page', async () => {
    const built = await startBuiltService({ env: {} });
    for (const name of ['swagger-ui-bundle.js', 'swagger-ui-standalone-preset.js', 'swagger-ui.css']) {
      const { body } = await ask(`/cells/${name}`);
      expect(await (await fetch(`${built.origin}/cells/${name}`)).text()).toBe(body.toString());
    }
    const script = await (await fetch(`${built.origin}/cells/swagger-ui-init.js`)).text();
    const page = createContext({
      URL,
      navigator: { languages: [] },
      document: { currentScript: { src: `${built.origin}/cells/swagger-ui-init.js` } },
      window: {},
    });
    const plugins = runInContext(
      `const SwaggerUIStandalonePreset = {};
      const SwaggerUIBundle = Object.assign((options) => options.plugins, { presets: {}, plugins: {} });
      ${script};
      Object.assign({}, ...window.onload().slice(1).map((plugin) => plugin().wrapComponents))`,
      page,
    ) as object;

    expect(Object.keys(plugins)).toEqual(['Topbar', 'ParameterIncludeEmpty', 'responseBody']);
    await built.stop();
  }, 150_000);
});
