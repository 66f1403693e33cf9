import { type Readable } from 'node:stream';
import { FormData, request } from 'undici';
import { type CellsStandIn, startCellsStandIn } from '../support/cells-stand-in.js';
import { dose } from '../support/dose.js';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js';
import { RandomFile, sha256Of } from '../support/random-file.js';
import { verifiedClaims } from '../support/token-signature.js';

/** Starting the servers takes a busy machine a while. */
const START_MS = 120_000;
const MIB = 1_024 ** 2;

interface CallOptions {
  readonly method?: 'PUT' | 'HEAD' | 'DELETE';
  readonly headers?: Record<string, string>;
  readonly body?: string | Readable | FormData;
}

describe('The stand-in of the Cells API', () => {
  let provider: OidcProvider;
  /** Its tokens live for two seconds. */
  let hasty: OidcProvider;
  let api: CellsStandIn;
  let token: string;

  beforeAll(async () => {
    [provider, hasty] = await Promise.all([startOidcProvider(), startOidcProvider({ accessTokenLifetime: 2 })]);
    api = await startCellsStandIn(provider);
    token = await newToken();
  }, START_MS);

  afterAll(async () => {
    await api.close();
    await Promise.all([provider.close(), hasty.close()]);
  });

  async function newToken({ client, tokenUrl } = provider): Promise<string> {
    const { clientId, clientSecret } = client;
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
    const response = await fetch(tokenUrl, { method: 'POST', body: new URLSearchParams(form) });
    return ((await response.json()) as { access_token: string }).access_token;
  }

  async function badToken(kind: 'made-up' | 'another server’s' | 'revoked'): Promise<string> {
    if (kind === 'made-up') return 'made-up';
    if (kind === 'another server’s') return newToken(hasty);
    const revoked = await newToken();
    await api.revoke(revoked);
    return revoked;
  }

  const call = (path: string, options: CallOptions = {}, bearer = token) =>
    request(`${api.origin}/v4.0/cells/storage/${path}`, {
      ...options,
      headers: { ...options.headers, authorization: `Bearer ${bearer}` },
    });

  it.each(['plain.txt', 'with%20space.txt', '%D0%BA%D0%BD%D0%B8%D0%B3%D0%B0.txt', 'folder%2Fa.txt', 'folder/a.txt'])(
    'keeps %s',
    async (path) => {
      await call(`file/${path}`, { method: 'PUT', body: `bytes of ${path}` });

      const { headers, body } = await call(`file/${path}`);

      expect(await body.text()).toBe(`bytes of ${path}`);
      expect(headers['content-disposition']).toContain(path.split(/\/|%2F/).at(-1));
      expect(await (await call(`exist/${path}`)).body.json()).toEqual({ Exists: true, IsFolder: false });
    },
  );

  it.each([0, 1_024, 2 * MIB, dose(300 * MIB, 20 * MIB)])(
    'keeps a body of %i bytes',
    async (size) => {
      const file = new RandomFile(size);
      const { headers } = await call('file/random.bin', { method: 'PUT', body: file.content() });
      const sha256 = file.sha256();
      expect(headers.etag).toBe(`"${sha256}"`);

      const response = await call('file/random.bin');

      expect(response.headers['content-length']).toBe(String(size));
      expect(await sha256Of(response.body)).toBe(sha256);
    },
    START_MS,
  );

  it('takes the file of a form, as the SDKs send it', async () => {
    const form = new FormData();
    form.set('book.txt', new Blob(['bytes of a form']), 'book.txt');

    const { body } = await call('file/form.txt', { method: 'PUT', body: form });

    expect(await body.json()).toEqual({ Uploaded: ['form.txt'], Errors: [] });
    expect(await (await call('file/form.txt')).body.text()).toBe('bytes of a form');
  });

  it('lists and deletes', async () => {
    await call('file/listed/a.txt', { method: 'PUT', body: 'abc' });

    expect(await (await call('folder/listed')).body.json()).toEqual({
      Value: [{ Name: 'a.txt', IsFolder: false, ModifiedDate: expect.any(String), Size: 3, Path: '/listed/a.txt' }],
    });
    expect((await call('file/listed/a.txt', { method: 'DELETE' })).statusCode).toBe(204);
    expect((await call('file/listed/a.txt')).statusCode).toBe(404);
    expect(await (await call('exist/listed/a.txt')).body.json()).toEqual({ Exists: false, IsFolder: false });
  });

  it('answers HEAD, ranges and conditions', async () => {
    await call('file/abc.txt', { method: 'PUT', body: 'abcdef' });

    const head = await call('file/abc.txt', { method: 'HEAD' });
    expect([head.statusCode, head.headers['content-length'], await head.body.text()]).toEqual([200, '6', '']);

    const range = await call('file/abc.txt', { headers: { range: 'bytes=2-3' } });
    expect([range.statusCode, range.headers['content-range'], await range.body.text()]).toEqual([
      206,
      'bytes 2-3/6',
      'cd',
    ]);

    const known = await call('file/abc.txt', { headers: { 'if-none-match': String(head.headers.etag) } });
    expect([known.statusCode, await known.body.text()]).toEqual([304, '']);
  });

  it.each(['made-up', 'another server’s', 'revoked'] as const)('refuses a token that is %s', async (kind) => {
    const bearer = await badToken(kind);

    const answer = await call('folder/', {}, bearer);

    expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, 'Bearer error="invalid_token"']);
    await answer.body.dump();
  });

  it(
    'refuses a token that has expired, and takes it until then',
    async () => {
      const impatient = await startCellsStandIn(hasty);
      const expiring = await newToken(hasty);
      const { exp } = await verifiedClaims(hasty.jwksUrl, expiring);
      let status = 200;
      while (status === 200) {
        const headers = { authorization: `Bearer ${expiring}` };
        const { statusCode, body } = await request(`${impatient.origin}/v4.0/cells/storage/folder/`, { headers });
        await body.dump();
        status = statusCode;
      }

      expect(status).toBe(401);
      expect(Date.now() / 1_000).toBeGreaterThanOrEqual(Number(exp));
      await impatient.close();
    },
    START_MS,
  );

  it('asks for a token where there is none', async () => {
    const { statusCode, headers, body } = await request(`${api.origin}/v4.0/cells/storage/folder/`);

    expect([statusCode, headers['www-authenticate']]).toEqual([401, 'Bearer']);
    await body.dump();
  });
});
