import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CellsApi,
  DeleteFileRequest,
  DownloadFileRequest,
  GetFilesListRequest,
  GetWorksheetsRequest,
  ObjectExistsRequest,
  UploadFileRequest,
} from 'asposecellscloud';
import { request } from 'undici';
import { type CellsStandIn, startCellsStandIn } from '../support/cells-stand-in.js';
import { dose } from '../support/dose.js';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js';
import { RandomFile, sha256Of } from '../support/random-file.js';
import { type RunningService, startService } from '../support/service.js';

/** Starting the servers, or a large file, takes a busy machine a while. */
const PATIENCE_MS = 120_000;
const MIB = 1_024 ** 2;

jest.setTimeout(PATIENCE_MS);

describe('Through the gateway, by its base URL alone', () => {
  let provider: OidcProvider;
  let standIn: CellsStandIn;
  let service: RunningService;
  let folder: string;

  beforeAll(async () => {
    provider = await startOidcProvider();
    standIn = await startCellsStandIn(provider);
    service = await startService({ UPSTREAM_TOKEN_URL: provider.tokenUrl, CELLS_API_URL: standIn.origin });
    folder = await mkdtemp(join(tmpdir(), 'node-sdk-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
    await service.close();
    await standIn.close();
    await provider.close();
  });

  describe('the official Node SDK', () => {
    let sdk: CellsApi;

    beforeAll(() => {
      const { clientId, clientSecret } = provider.client;
      sdk = new CellsApi(clientId, clientSecret, 'v3.0', service.origin);
    });

    /** Missing in the SDK's declarations. */
    const bodyOf = ({ body }: { body: unknown }) => body;
    const exists = async (path: string) => bodyOf(await sdk.objectExists(new ObjectExistsRequest({ path })));

    it.each([
      ['a plain name', 'plain.txt', 'plain.txt'],
      ['a name with a space', 'with space.txt', 'with space.txt'],
      // The SDK does not encode names in the path, and Node refuses to send anything beyond ASCII.
      ['a name in UTF-8', encodeURIComponent('книга № 1.txt'), 'книга № 1.txt'],
      ['a name in a folder', 'reports/book.txt', 'book.txt'],
      ['a name with %2F', 'reports%2Fyear.txt', 'year.txt'],
    ])('uploads, finds, downloads, lists and deletes %s', async (_case, path, name) => {
      const content = `text of ${path} — Größe, 数量\n`.repeat(1_000);
      const file = join(folder, name);
      await writeFile(file, content);

      const uploaded = bodyOf(await sdk.uploadFile(new UploadFileRequest({ path, uploadFiles: file })));
      expect(uploaded).toMatchObject({ uploaded: [name], errors: [] });
      expect(await exists(path)).toMatchObject({ exists: true });

      expect(bodyOf(await sdk.downloadFile(new DownloadFileRequest({ path })))).toBe(content);
      expect(bodyOf(await sdk.getFilesList(new GetFilesListRequest({ path: '' })))).toMatchObject({
        value: [{ name, size: Buffer.byteLength(content), path: `/${decodeURIComponent(path)}` }],
      });
      expect(bodyOf(await sdk.getWorksheets(new GetWorksheetsRequest({ name: path })))).toMatchObject({ status: 'OK' });

      await sdk.deleteFile(new DeleteFileRequest({ path }));
      expect(await exists(path)).toMatchObject({ exists: false });
    });

    it('is told by the API itself that a file is missing', async () => {
      await expect(sdk.downloadFile(new DownloadFileRequest({ path: 'missing.txt' }))).rejects.toMatchObject({
        code: 404,
      });
    });
  });

  describe('any client', () => {
    let authorization: string;

    beforeAll(async () => {
      const { clientId, clientSecret } = provider.client;
      const body = new URLSearchParams({ client_id: clientId, client_secret: clientSecret });
      const answer = await fetch(`${service.origin}/connect/token`, { method: 'POST', body });
      authorization = `Bearer ${((await answer.json()) as { access_token: string }).access_token}`;
    });

    it.each([0, 1_024, 2 * MIB, dose(300 * MIB, 20 * MIB)])(
      'gets the very bytes back that it sent: %i of them',
      async (size) => {
        const url = `${service.origin}/v4.0/cells/storage/file/random%2F${size}.bin`;
        const file = new RandomFile(size);

        const sent = await request(url, { method: 'PUT', headers: { authorization }, body: file.content() });
        await sent.body.dump();
        const got = await request(url, { headers: { authorization } });

        const sha256 = file.sha256();
        expect([sent.statusCode, sent.headers.etag]).toEqual([200, `"${sha256}"`]);
        expect([got.statusCode, got.headers['content-length']]).toEqual([200, String(size)]);
        expect(await sha256Of(got.body)).toBe(sha256);
      },
    );

    it('gets the 401 of the API for a token that was revoked', async () => {
      await standIn.revoke(authorization.replace('Bearer ', ''));

      const answer = await request(`${service.origin}/v4.0/cells/storage/folder/`, { headers: { authorization } });

      expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, 'Bearer error="invalid_token"']);
      await answer.body.dump();
    });
  });
});
