import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { settled } from '../faults/resources.js';
import { type BuiltService, startBuiltService } from '../support/built-service.js';
import { readFileSync } from 'node:fs';
import { HttpUpstream } from './test-gateway.js';

const MIB = 1024 * 1024;
const BLOCK = randomBytes(MIB);
const PATH = '/v3.0/cells/storage/file/book.xlsx';

/** The same bytes again and again, up to the given length. */
function* bytes(size: number): Generator<Buffer> {
  for (let left = size; left > 0; left -= MIB) yield left < MIB ? BLOCK.subarray(0, left) : BLOCK;
}

async function sha256(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

/** PUT answers with the SHA-256 of the body; GET sends as many bytes as its query says, with a length or in chunks. */
const api: RequestListener = (request, response) => {
  void (async () => {
    if (request.method === 'PUT') {
      response.end(await sha256(request as AsyncIterable<Buffer>));
      return;
    }
    const query = new URL(request.url ?? '', 'http://api').searchParams;
    const size = Number(query.get('size'));
    if (query.get('framing') === 'length') response.setHeader('Content-Length', size);
    for (const chunk of bytes(size)) if (!response.write(chunk)) await once(response, 'drain');
    response.end();
  })().catch(() => response.destroy());
};

describe('Bodies on their way through', () => {
  let upstream: HttpUpstream;
  let service: BuiltService;

  beforeAll(async () => {
    upstream = await HttpUpstream.start(api);
    service = await startBuiltService({ env: { CELLS_API_URL: upstream.origin, CELLS_API_MAX_BODY_MIB: '400' } });
  }, 120_000);
  afterAll(async () => {
    await service.stop();
    await upstream.close();
  });

  async function upload(size: number, headers: Record<string, string | number>): Promise<string> {
    const request = httpRequest(service.origin + PATH, { method: 'PUT', headers });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    for (const chunk of bytes(size)) if (!request.write(chunk)) await once(request, 'drain');
    request.end();
    const [response] = await answered;
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return text;
  }

  async function download(query: string): Promise<IncomingMessage> {
    const request = httpRequest(`${service.origin}${PATH}?${query}`).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }

  const residentMib = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${service.process.pid}/status`, 'utf8'))?.[1]) / 1024;

  it.each([0, 1, 1024, 2 * MIB, 64 * MIB])('of %d bytes are the same on both sides, up and down', async (size) => {
    const expected = await sha256(bytes(size));
    expect(await upload(size, { 'Content-Length': size })).toBe(expected);
    expect(await upload(size, { 'Transfer-Encoding': 'chunked' })).toBe(expected);
    for (const framing of ['length', 'chunks']) {
      expect(await sha256(await download(`size=${size}&framing=${framing}`))).toBe(expected);
    }
  });

  it('of 300 MiB wait for a slow reader, in no memory of the service', async () => {
    const before = residentMib();
    const response = await download(`size=${300 * MIB}&framing=length`);
    let read = 0;
    response.on('data', (chunk: Buffer) => {
      read += chunk.length;
      response.pause();
      // A few MiB a second.
      setTimeout(() => response.resume(), (chunk.length / (4 * MIB)) * 1000);
    });
    let most = 0;
    for (let times = 0; times < 15; times += 1) {
      await delay(200);
      most = Math.max(most, residentMib());
    }
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(100 * MIB);
    expect(most - before).toBeLessThan(64);
    response.destroy();
  });

  it('of 300 MiB wait for a slow API, in no memory of the service', async () => {
    const stalled = await HttpUpstream.start((request) => request.pause());
    const other = await startBuiltService({ env: { CELLS_API_URL: stalled.origin } });
    try {
      const request = httpRequest(other.origin + PATH, { method: 'PUT', headers: { 'Content-Length': 300 * MIB } });
      request.on('error', () => undefined);
      let sent = 0;
      const send = async () => {
        for (const chunk of bytes(300 * MIB)) {
          sent += chunk.length;
          if (!request.write(chunk)) await once(request, 'drain');
        }
      };
      void send().catch(() => undefined);
      let last = -1;
      await settled(() => sent > 0);
      while (last !== sent) {
        last = sent;
        await delay(500);
      }
      // The rest is in the kernel's buffers.
      expect(sent).toBeLessThan(64 * MIB);
      request.destroy();
    } finally {
      await other.stop();
      await stalled.close();
    }
  });

  it('fail when the API is restarted in the middle of an upload, and the next upload works', async () => {
    let first = await HttpUpstream.start((request) => request.resume());
    const { port } = first;
    const other = await startBuiltService({ env: { CELLS_API_URL: first.origin } });
    const put = async (part: Buffer, length: number, whenSent: () => Promise<void>) => {
      const request = httpRequest(other.origin + PATH, { method: 'PUT', headers: { 'Content-Length': length } });
      const answered = once(request, 'response') as Promise<[IncomingMessage]>;
      request.on('error', () => undefined);
      request.write(part);
      await whenSent();
      const [response] = await answered;
      response.resume();
      return response.statusCode;
    };
    try {
      const status = await put(BLOCK, 2 * MIB, async () => {
        await settled(() => first.connections === 1);
        await first.close();
        first = await HttpUpstream.start(api, port);
      });
      expect(status).toBe(502);
      expect(await put(BLOCK, MIB, () => Promise.resolve())).toBe(200);
    } finally {
      await other.stop();
      await first.close();
    }
  });
});
