import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import send from '@fastify/send';
import busboy from 'busboy';
import { BearerCheck } from './bearer-check.js';
import { FileStorage, type StoredFile } from './file-storage.js';

export interface CellsApiOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** The issuer of the tokens. */
  readonly issuer: string;
  /** Where its keys are. */
  readonly jwksUrl: string;
}

export interface CellsApiAddresses {
  readonly origin: string;
  /** A POST with a form's `token` revokes it (RFC 7009). */
  readonly revocationUrl: string;
}

export interface CellsApi extends CellsApiAddresses {
  close(): Promise<void>;
}

const REVOCATION_PATH = '/connect/revocation';

interface Operation {
  readonly method: string;
  /** Its first group is the file's or folder's path, percent-encoded. */
  readonly route: RegExp;
  readonly perform: (path: string, request: IncomingMessage, response: ServerResponse) => Promise<void> | void;
}

/**
 * Stands in for the Cells API on loopback: the storage operations and the list of worksheets, on the paths and in the
 * shapes of the official SDKs, for tokens of the demo's authorization server. Bodies are streamed both ways.
 *
 * @throws the listening error (`EADDRINUSE`, `EACCES`) when the port is not available.
 */
export async function startCellsApi({ port = 0, issuer, jwksUrl }: CellsApiOptions): Promise<CellsApi> {
  const storage = await FileStorage.open();
  const bearers = new BearerCheck(issuer, jwksUrl);
  const operations = operationsOn(storage);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '', 'http://localhost');
    if (pathname === REVOCATION_PATH && request.method === 'POST') {
      bearers.revoke(new URLSearchParams(await text(request)).get('token') ?? '');
      response.writeHead(200).end();
      return;
    }
    const fault = await bearers.faultOf(request.headers.authorization);
    if (fault !== undefined) {
      refuse(request, response, fault === 'missing' ? 'Bearer' : `Bearer error="${fault}"`);
      return;
    }
    for (const { method, route, perform } of operations) {
      const path = route.exec(pathname)?.[1];
      if (path === undefined || method !== (request.method === 'HEAD' ? 'GET' : request.method)) continue;
      await perform(decodeURIComponent(path), request, response);
      return;
    }
    reply(response, 404, { Code: 404, Message: 'No such operation.' });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent || request.destroyed) response.destroy();
      else reply(response, 500, { Code: 500, Message: error instanceof Error ? error.message : 'unknown' });
    });
  });
  // No limit for uploads.
  server.requestTimeout = 0;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    origin,
    revocationUrl: origin + REVOCATION_PATH,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await storage.close();
    },
  };
}

function operationsOn(storage: FileStorage): Operation[] {
  const file = /^\/v4\.0\/cells\/storage\/file\/(.+)$/i;
  return [
    {
      method: 'PUT',
      route: file,
      perform: async (path, request, response) => {
        const stored = await storage.write(path, await contentOf(request));
        const headers = { ETag: `"${stored.sha256}"`, 'Repr-Digest': reprDigest(stored) };
        reply(response, 200, { Uploaded: [nameOf(stored)], Errors: [] }, headers);
      },
    },
    {
      method: 'GET',
      route: file,
      perform: async (path, request, response) => {
        const stored = storage.find(path);
        if (stored === undefined) notFound(response);
        else await download(stored, storage.folder, request, response);
      },
    },
    {
      method: 'DELETE',
      route: file,
      perform: async (path, _request, response) => {
        if (await storage.delete(path)) response.writeHead(204).end();
        else notFound(response);
      },
    },
    {
      method: 'GET',
      route: /^\/v4\.0\/cells\/storage\/exist\/(.+)$/i,
      perform: (path, _request, response) => {
        reply(response, 200, { Exists: storage.find(path) !== undefined, IsFolder: false });
      },
    },
    {
      method: 'GET',
      route: /^\/v4\.0\/cells\/storage\/folder\/?(.*)$/i,
      perform: (folder, _request, response) => {
        reply(response, 200, { Value: storage.list(folder).map(listed) });
      },
    },
    {
      method: 'GET',
      route: /^\/v3\.0\/cells\/(.+)\/worksheets$/i,
      perform: (path, _request, response) => {
        if (storage.find(path) === undefined) notFound(response);
        else reply(response, 200, { Code: 200, Status: 'OK', Worksheets: { WorksheetList: [{ Title: 'Sheet1' }] } });
      },
    },
  ];
}

/** The first file of a multipart form, as the SDKs send it, or else the whole body. */
function contentOf(request: IncomingMessage): Promise<Readable> {
  if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')) return Promise.resolve(request);
  const form = busboy({ headers: request.headers, limits: { files: 1 } });
  return new Promise((resolve, reject) => {
    form.once('file', (_field, content) => {
      resolve(content);
    });
    pipeline(request, form).then(() => {
      reject(new Error('There is no file in this form.'));
    }, reject);
  });
}

/** Supports HEAD, ranges and conditions (RFC 9110). */
async function download(file: StoredFile, root: string, request: IncomingMessage, response: ServerResponse) {
  const { statusCode, headers, stream } = await send(request, file.blob, { root, cacheControl: false });
  response.writeHead(statusCode, {
    ...headers,
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename*=UTF-8''${encodeURIComponent(nameOf(file))}`,
    'Repr-Digest': reprDigest(file),
  });
  await pipeline(stream, response);
}

/** RFC 9530: the digest of the whole file, even if only a range is sent. */
const reprDigest = ({ sha256 }: StoredFile) => `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`;

const nameOf = ({ path }: StoredFile) => path.slice(path.lastIndexOf('/') + 1);

function listed(file: StoredFile) {
  const { path, size, modified } = file;
  return { Name: nameOf(file), IsFolder: false, ModifiedDate: modified.toISOString(), Size: size, Path: `/${path}` };
}

function notFound(response: ServerResponse): void {
  reply(response, 404, { Code: 404, Message: 'There is no such file.' });
}

/** Refuses at once, as Aspose does, even if the body is not complete. */
function refuse(request: IncomingMessage, response: ServerResponse, challenge: string): void {
  request.resume();
  reply(response, 401, { Code: 401, Message: 'Unauthorized' }, { 'WWW-Authenticate': challenge });
}

function reply(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { ...headers, 'Content-Type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}
