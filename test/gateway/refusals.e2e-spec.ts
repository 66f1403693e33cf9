import { RawClient, type RawAnswer, rawRequest } from '../support/raw-client.js';
import { settled } from '../faults/resources.js';
import { RawUpstream, TestGateway } from './test-gateway.js';

const PATH = '/v3.0/cells/book.xlsx';
const MIB = 1024 * 1024;

/** The status, headers and body of an answer that is the gateway's own. */
function expectRefusal({ text }: Pick<RawAnswer, 'text'>, status: number, proxyError: string): string {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(head).toContain(`\r\nProxy-Status: cells-authority; error=${proxyError}`);
  expect(head).toMatch(/\r\nCache-Control: no-store\r\n/);
  expect(head).toMatch(/\r\nContent-Type: application\/json\r\n/);
  expect(head).toMatch(/\r\nX-Request-Id: request-1\r\n/);
  const error = JSON.parse(body) as Record<string, string>;
  expect(Object.keys(error)).toEqual(['error', 'error_description', 'message']);
  expect(error.message).toBe(error.error_description);
  return head;
}

describe('What the gateway refuses', () => {
  let upstream: RawUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await RawUpstream.start();
    gateway = await TestGateway.start(upstream.origin, { maxBodyMib: 1 });
  });
  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });
  beforeEach(() => {
    upstream.clear();
    upstream.onRequest = ({ socket }) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    gateway.ended.length = 0;
  });

  const ask = (head: string, body = '') =>
    rawRequest(gateway.port, `${head}\r\nHost: g\r\n${body === '' ? '\r\n' : body}`, { until: /\}$|ok$/ });

  it.each([
    'GET http://api.aspose.cloud/v3.0/cells/a HTTP/1.1',
    'GET /v3.0/cells/../secret HTTP/1.1',
    'GET /v3.0/cells/%2e%2e/secret HTTP/1.1',
    'GET /v3.0/cells/a%5cb HTTP/1.1',
    'GET /v3.0/cells/a\\b HTTP/1.1',
    'GET /v3.0/cells/%00 HTTP/1.1',
    'GET /v3.0/cells/100% HTTP/1.1',
    'POST /V4.0/cells/connect%2Ftoken HTTP/1.1',
    'POST /v4.0/cells/connect/token/ HTTP/1.1',
    'PROPFIND /v3.0/cells/%zz HTTP/1.1',
  ])('%s: 400', async (line) => {
    const answer = await ask(line);
    expectRefusal(answer, 400, 'http_request_error');
    expect(answer.text).not.toMatch(/secret/);
    expect(upstream.received).toBe('');
    expect(gateway.ended).toMatchObject([{ outcome: 'malformed', status: 400, cut: false }]);
  });

  it.each(['TRACE', 'PROPFIND', 'LINK', 'PURGE'])('%s: 405 with Allow', async (method) => {
    const head = expectRefusal(await ask(`${method} ${PATH} HTTP/1.1`), 405, 'http_request_error');
    expect(head).toContain('\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE\r\n');
    expect(upstream.received).toBe('');
  });

  it.each([
    'Authorization: Basic aWQ6c2VjcmV0',
    'authorization: Digest username="a"',
    'Authorization: Bearer',
    'Authorization:',
    'Authorization: Bearer a, Basic b',
    'Authorization: Bearer a b',
    'Authorization: Bearer a\r\nAuthorization: Bearer a',
    'Authorization: Bearer a\r\nX: y\r\nauthorization: Basic b',
  ])('%j: 401, and nothing is sent on', async (lines) => {
    const head = expectRefusal(await ask(`GET ${PATH} HTTP/1.1\r\n${lines}`), 401, 'http_request_denied');
    expect(head).toContain('\r\nWWW-Authenticate: Bearer\r\n');
    expect(upstream.received).toBe('');
  });

  it('no Authorization: it stays absent', async () => {
    expect((await ask(`GET ${PATH} HTTP/1.1`)).text).toMatch(/ok$/);
    expect(upstream.received).not.toMatch(/authorization/i);
  });

  it('a length over the limit: 413 at once', async () => {
    const answer = await rawRequest(
      gateway.port,
      `PUT ${PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: ${MIB + 1}\r\n\r\n`,
      { until: /\}$/ },
    );
    const head = expectRefusal(answer, 413, 'http_request_error');
    expect(head).toContain('\r\nConnection: close');
    expect(upstream.received).toBe('');
  });

  it('a length at the limit is passed on', async () => {
    const body = `Content-Length: ${MIB}\r\n\r\n${'x'.repeat(MIB)}`;
    upstream.onRequest = ({ socket }) => {
      socket.on('data', () => {
        if (upstream.received.endsWith('x'.repeat(100)) && upstream.received.length > MIB) {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        }
      });
    };
    expect((await ask(`PUT ${PATH} HTTP/1.1`, body)).text).toMatch(/ok$/);
  });

  it('chunks over the limit: 413 while they stream, and the upstream request ends', async () => {
    upstream.onRequest = () => undefined;
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const answer = await ask(`PUT ${PATH} HTTP/1.1`, `Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(17)}0\r\n\r\n`);
    expectRefusal(answer, 413, 'http_request_error');
    expect(upstream.received).not.toMatch(/\r\n0\r\n\r\n$/);
    await upstreamClosed();
    expect(gateway.ended).toMatchObject([{ outcome: 'too_large', status: 413 }]);
  });

  it('lets a client that keeps sending see its 413', async () => {
    const client = new RawClient(gateway.port);
    client.send(`PUT ${PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: ${16 * MIB}\r\n\r\n`);
    client.send(Buffer.alloc(16 * MIB, 'x'));
    const { ending, chunks } = await client.ended();
    expectRefusal(
      { text: Buffer.concat(chunks.map(({ chunk }) => chunk)).toString('latin1') },
      413,
      'http_request_error',
    );
    expect(ending).toBe('FIN');
  });

  it('a length and chunks at once never get through', async () => {
    const { text } = await rawRequest(
      gateway.port,
      `PUT ${PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      { waitMs: 1000 },
    );
    expect(text).not.toMatch(/200 OK/);
    expect(upstream.received).toBe('');
  });

  it('OPTIONS is not handled by the gateway', async () => {
    expect((await ask(`OPTIONS ${PATH} HTTP/1.1\r\nConnection: close`)).text).toMatch(/^HTTP\/1\.1 404 .*X-Elsewhere/s);
    expect(upstream.received).toBe('');
  });

  it.each(['Expect: 200-ok', 'Expect: 100-continued', 'Expect:'])('%s: 417', async (line) => {
    expectRefusal(await ask(`PUT ${PATH} HTTP/1.1\r\n${line}`), 417, 'http_request_error');
    expect(upstream.received).toBe('');
  });

  it('an Expect of HTTP/1.0 means nothing', async () => {
    expect((await ask(`GET ${PATH} HTTP/1.0\r\nExpect: 200-ok`)).text).toMatch(/ok$/);
  });

  describe('with Expect: 100-continue', () => {
    const expecting = (lines: string) =>
      rawRequest(gateway.port, `PUT ${lines}\r\nHost: g\r\nExpect: 100-continue\r\n\r\n`, { until: /\}$/ });

    it.each([
      [`/v3.0/cells/../a HTTP/1.1\r\nContent-Length: 3`, 400],
      [`${PATH} HTTP/1.1\r\nContent-Length: ${MIB + 1}`, 413],
      [`${PATH} HTTP/1.1\r\nContent-Length: 3\r\nAuthorization: Basic eDp5`, 401],
    ])('%j gets the final status alone', async (lines, status) => {
      const { text } = await expecting(lines);
      expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(text).toMatch(/\r\nConnection: close\r\n/);
      expect(upstream.received).toBe('');
    });

    it('another method gets 405 alone', async () => {
      const lines = `TRACE ${PATH} HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\n\r\n`;
      expect((await rawRequest(gateway.port, lines, { until: /\}$/ })).text).toMatch(/^HTTP\/1\.1 405 /);
    });

    it('a valid request gets 100, and its body goes through', async () => {
      upstream.onRequest = () => undefined;
      const client = new RawClient(gateway.port);
      client.send(`PUT ${PATH} HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`);
      expect(await client.next()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
      client.send('abc');
      await settled(() => upstream.received.endsWith('abc'));
      expect(upstream.received).not.toMatch(/expect/i);
      upstream.connections.at(-1)?.socket.write('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n');
      expect(await client.next()).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
      client.socket.destroy();
    });
  });

  async function upstreamClosed(): Promise<void> {
    await settled(() => upstream.connections.every(({ socket }) => socket.destroyed));
  }
});
