import { rawRequest } from '../support/raw-client.js';
import { RawUpstream, TestGateway } from './test-gateway.js';

const PATH = '/v3.0/cells/book.xlsx';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** One character a byte, so that what is not ASCII shows byte for byte. */
const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('Headers of a request and its response', () => {
  let upstream: RawUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await RawUpstream.start();
    gateway = await TestGateway.start(upstream.origin);
  });
  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });
  beforeEach(() => {
    upstream.clear();
    upstream.onRequest = ({ socket }) => socket.write(OK);
  });

  /** The lines that the Cells API gets for these, the request line first. */
  async function sent(lines: string[], { method = 'GET', body = '' } = {}): Promise<string[]> {
    const head = [`${method} ${PATH} HTTP/1.1`, 'Host: gateway', ...lines, '', body].join('\r\n');
    await rawRequest(gateway.port, bytes(head), { until: /ok$/ });
    return upstream.received.split('\r\n\r\n')[0]?.split('\r\n') ?? [];
  }

  /** What the client gets for this answer. */
  async function answered(answer: string, method = 'GET'): Promise<{ text: string; ending: unknown }> {
    upstream.onRequest = ({ socket }) => socket.write(bytes(answer));
    const head = `${method} ${PATH} HTTP/1.1\r\nHost: gateway\r\n\r\n`;
    return rawRequest(gateway.port, bytes(head), { until: /\r\n\r\n(?:.*(?:ok|!|0\r\n\r\n))?$/s });
  }

  const headerLines = (text: string) => text.split('\r\n\r\n')[0]?.split('\r\n').slice(1) ?? [];

  describe('of a request', () => {
    it('are these and no others', async () => {
      expect(await sent([])).toEqual([
        `GET ${PATH} HTTP/1.1`,
        `Host: 127.0.0.1:${upstream.port}`,
        'Via: 1.1 cells-authority',
        'X-Request-Id: request-1',
        'Connection: keep-alive',
      ]);
    });

    it.each([
      ['x-aspose-client: nodejs sdk v26.1'],
      ['Authorization: Bearer eyJ.a.b'],
      ['authorization: bearer eyJ.a.b'],
      ['Accept-Encoding: gzip, br'],
      ['Range: bytes=0-9'],
      ['If-None-Match: "x"'],
      ['User-Agent: OpenAPI-Generator/26.2/ruby'],
      ['X-Custom:'],
      ['X-ODD_Name: a'],
      ['X-Latin: B\u00fccher \u00e9\u00ff'],
      ['X-Utf8: B\u00c3\u00bccher'],
      ['Via: 1.0 somebody'],
      ['traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    ])('%s is passed on as it is', async (line) => {
      const [name = ''] = line.split(':');
      const lines = await sent([line]);
      expect(lines.find((each) => each.startsWith(`${name}:`))?.trimEnd()).toBe(line);
    });

    it('are passed on in order, repeats included', async () => {
      const lines = await sent(['X-Twice: 1', 'x-twice: 2', 'Accept: a', 'X-Twice: 3']);
      expect(lines.filter((line) => /^(?:x-twice|accept):/i.test(line))).toEqual([
        'X-Twice: 1',
        'x-twice: 2',
        'Accept: a',
        'X-Twice: 3',
      ]);
    });

    it.each([
      ['Keep-Alive: timeout=5'],
      ['TE: trailers'],
      ['Trailer: X-Sum'],
      ['Upgrade: websocket'],
      ['Proxy-Authorization: Basic eDp5'],
      ['Proxy-Connection: keep-alive'],
      ['Cookie: a=b'],
      ['Forwarded: for=1.2.3.4'],
      ['X-Forwarded-For: 1.2.3.4'],
      ['x-forwarded-host: a.example'],
      ['X-Forwarded-Proto: https'],
      ['X-Real-IP: 1.2.3.4'],
      ['baggage: user=secret'],
      ['client_id: abc'],
      ['client_secret: abc'],
      ['Grant_Type: client_credentials'],
    ])('%s is not passed on', async (line) => {
      const [name = ''] = line.split(':');
      const lines = await sent([line, 'X-Last: 1']);
      expect(lines).toContain('X-Last: 1');
      expect(lines.filter((each) => each.toLowerCase().startsWith(`${name.toLowerCase()}:`))).toEqual([]);
    });

    it('that Connection names are not passed on', async () => {
      const lines = await sent([
        'Connection: keep-alive, X-Hop',
        'Connection: x-other',
        'X-Hop: 1',
        'X-Other: 2',
        'X: 3',
      ]);
      expect(lines.filter((line) => /^x-?(?:hop|other)?:/i.test(line))).toEqual(['X: 3']);
    });

    it('keep the body in its frame, whatever Connection names', async () => {
      const lines = await sent(['Connection: content-length', 'Content-Length: 3'], { method: 'POST', body: 'abc' });
      expect(lines).toContain('Content-Length: 3');
      expect(upstream.received.endsWith('\r\n\r\nabc')).toBe(true);
    });

    it('have the request id of the gateway, and no other', async () => {
      const lines = await sent(['X-Request-Id: forged']);
      expect(lines.filter((line) => /^x-request-id:/i.test(line))).toEqual(['X-Request-Id: request-1']);
    });

    it('name the gateway last in Via, with the version that it was asked in', async () => {
      const head = `GET ${PATH} HTTP/1.0\r\nVia: 1.1 a, 1.1 b\r\n\r\n`;
      await rawRequest(gateway.port, head, { until: /ok$/ });
      expect(upstream.received.match(/^Via: .*$/gm)).toEqual(['Via: 1.1 a, 1.1 b', 'Via: 1.0 cells-authority']);
    });

    it.each([
      ['POST', 'Content-Length: 0'],
      ['PUT', 'Content-Length: 0'],
      ['PATCH', 'Content-Length: 0'],
      ['GET', undefined],
      ['HEAD', undefined],
      ['DELETE', undefined],
    ])('do not announce chunks for a %s without a body', async (method, line) => {
      upstream.onRequest = ({ socket }) => socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      await rawRequest(gateway.port, `${method} ${PATH} HTTP/1.1\r\nHost: g\r\n\r\n`, { until: /\r\n\r\n$/ });
      expect(upstream.received).toMatch(new RegExp(`^${method} `));
      expect(upstream.received.match(/^(?:Content-Length|Transfer-Encoding).*$/gim)).toEqual(
        line === undefined ? null : [line],
      );
    });

    it('and the query are unchanged, byte for byte', async () => {
      const target = '/v3.0/cells/a%2Fb%20%C3%BC~!$&\'()*+,;=:@%252e"<>^`{|}?Password=%zz\\..&x=a+b?#%00&"<>^`{|}';
      await rawRequest(gateway.port, `GET /${target} HTTP/1.1\r\nHost: g\r\n\r\n`, { until: /ok$/ });
      expect(upstream.received.split('\r\n')[0]).toBe(`GET ${target} HTTP/1.1`);
    });
  });

  describe('of a response', () => {
    it('are these and no others', async () => {
      const { text } = await answered('HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nETag: "x"\r\n\r\nok');
      expect(text.split('\r\n')).toEqual([
        'HTTP/1.1 200 Fine',
        'Content-Length: 2',
        'ETag: "x"',
        'Via: 1.1 cells-authority',
        'X-Request-Id: request-1',
        'Connection: keep-alive',
        'Keep-Alive: timeout=5',
        '',
        'ok',
      ]);
    });

    it.each([
      'Content-Encoding: gzip',
      "Content-Disposition: attachment; filename*=UTF-8''B%C3%BCcher.xlsx",
      'Content-Disposition: attachment; filename="B\u00fccher \u00e9\u00ff.xlsx"',
      'Date: Sun, 06 Nov 1994 08:49:37 GMT',
      'ETag: W/"a"',
      'Content-Range: bytes 0-1/9',
      'Accept-Ranges: bytes',
      'Server: nginx',
      'WWW-Authenticate: Bearer error="invalid_token"',
      'Access-Control-Allow-Origin: *',
      'Retry-After: 7',
    ])('%s is passed back as it is', async (line) => {
      const { text } = await answered(`HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 2\r\n\r\nok`);
      expect(headerLines(text)).toContain(line);
    });

    it.each([
      ['Content-Length: 0\r\n', ''],
      ['Transfer-Encoding: chunked\r\n', '0\r\n\r\n'],
      ['Content-Length: 5\r\n', 'B\u00fcch!'],
    ])('keep their bytes with %j', async (framing, body) => {
      const line = 'X-Name: B\u00fccher \u00e9\u00ff';
      const { text } = await answered(`HTTP/1.1 200 Gr\u00fcn\r\n${line}\r\n${framing}\r\n${body}`);
      expect(text).toContain(`\r\n${line}\r\n`);
      expect(text).toContain('HTTP/1.1 200 Gr\u00fcn\r\n');
    });

    it.each([
      'Set-Cookie: a=b',
      'Strict-Transport-Security: max-age=1',
      'Alt-Svc: h3=":443"',
      'Proxy-Authenticate: Basic',
      'Upgrade: h2c',
      'Trailer: X-Sum',
      'X-Request-Id: theirs',
      'Keep-Alive: timeout=77',
    ])('%s is left out', async (line) => {
      const { text } = await answered(`HTTP/1.1 200 OK\r\n${line}\r\nX-Last: 1\r\nContent-Length: 2\r\n\r\nok`);
      expect(headerLines(text)).toContain('X-Last: 1');
      expect(headerLines(text)).not.toContain(line);
    });

    it('that Connection names are left out', async () => {
      const { text } = await answered(
        'HTTP/1.1 200 OK\r\nConnection: x-hop, keep-alive\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok',
      );
      expect(text).not.toMatch(/x-hop/i);
    });

    it('come without trailers', async () => {
      const { text } = await answered(
        'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n',
      );
      expect(text).toMatch(/\r\n\r\n2\r\nok\r\n0\r\n\r\n$/);
      expect(text).not.toMatch(/x-sum/i);
    });

    it('are passed back in order, repeats included', async () => {
      const { text } = await answered('HTTP/1.1 200 OK\r\nX-A: 1\r\nVary: a\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nok');
      expect(headerLines(text).filter((line) => /^(?:x-a|vary):/i.test(line))).toEqual(['X-A: 1', 'Vary: a', 'x-a: 2']);
    });

    it.each([301, 302, 303, 307, 308])('of a %d redirect are passed back, and it is not followed', async (status) => {
      const location = `${upstream.origin}/v3.0/cells/other?a=b#c`;
      const { text } = await answered(`HTTP/1.1 ${status} Go\r\nLocation: ${location}\r\nContent-Length: 2\r\n\r\nok`);
      expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} Go\r\nLocation: /v3.0/cells/other\\?a=b#c\r\n`));
      expect(upstream.received.match(/^GET /gm)).toHaveLength(1);
    });

    it('name another host in Location as they did', async () => {
      const { text } = await answered(
        'HTTP/1.1 302 Go\r\nLocation: https://s3.example/a\r\nContent-Length: 2\r\n\r\nok',
      );
      expect(headerLines(text)).toContain('Location: https://s3.example/a');
    });
  });

  describe('and bodies', () => {
    it('of a HEAD: the length of a body that is not there', async () => {
      const { text } = await answered('HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n', 'HEAD');
      expect(headerLines(text)).toContain('Content-Length: 12345');
      expect(text.endsWith('\r\n\r\n')).toBe(true);
      expect(upstream.received).toMatch(/^HEAD /);
    });

    it('of a 304 with a length', async () => {
      const { text } = await answered('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 12345\r\n\r\n');
      expect(headerLines(text)).toEqual(expect.arrayContaining(['ETag: "x"', 'Content-Length: 12345']));
      expect(text.endsWith('\r\n\r\n')).toBe(true);
    });

    it.each(['Content-Length: 0\r\n', ''])('of a 204 with %j', async (framing) => {
      const { text } = await answered(`HTTP/1.1 204 No Content\r\nX-A: 1\r\n${framing}\r\n`);
      expect(text).toMatch(/^HTTP\/1\.1 204 No Content\r\nX-A: 1\r\n/);
      expect(text).not.toMatch(/content-length|transfer-encoding/i);
      expect(text.endsWith('\r\n\r\n')).toBe(true);
    });

    it('that end with the connection are chunked', async () => {
      upstream.onRequest = ({ socket }) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end');
      const { text } = await rawRequest(gateway.port, `GET ${PATH} HTTP/1.1\r\nHost: g\r\n\r\n`, {
        until: /\r\n0\r\n\r\n$/,
      });
      expect(text).toMatch(/Transfer-Encoding: chunked/);
      expect(text).toMatch(/\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n$/);
    });

    it('of a 206 are the range that was asked for', async () => {
      const { text } = await answered(
        'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-6/9\r\nContent-Length: 2\r\n\r\nok',
      );
      expect(text).toMatch(/^HTTP\/1\.1 206 Partial Content\r\nContent-Range: bytes 5-6\/9\r\n/);
    });

    it.each([400, 401, 403, 404, 409, 413, 429, 500, 502, 503, 504])('of a %d are the API’s own', async (status) => {
      const { text } = await answered(`HTTP/1.1 ${status} Theirs\r\nContent-Length: 2\r\n\r\nok`);
      expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} Theirs\r\n`));
      expect(text).not.toMatch(/proxy-status|cache-control/i);
      expect(upstream.received.match(/^GET /gm)).toHaveLength(1);
    });

    it.each([
      [
        '103 Early Hints\r\nLink: </a>; rel=preload\r\nX-A: 1\r\n\r\n',
        'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n',
      ],
      ['102 Processing\r\n\r\n', 'HTTP/1.1 102 Processing\r\n\r\n'],
      ['103 Early Hints\r\nLink: malformed\r\n\r\n', ''],
      ['103 Early Hints\r\n\r\n', ''],
      ['100 Continue\r\n\r\n', ''],
      ['199 Odd\r\n\r\n', ''],
    ])('come after %j, which is passed on as %j', async (interim, passedOn) => {
      upstream.onRequest = ({ socket }) => socket.write(`HTTP/1.1 ${interim}${OK}`);
      const ask = (version: string) =>
        rawRequest(gateway.port, `GET ${PATH} HTTP/${version}\r\nHost: g\r\n\r\n`, { until: /ok$/ });
      expect((await ask('1.1')).text.split('HTTP/1.1 200 OK')[0]).toBe(passedOn);
      expect((await ask('1.0')).text).toMatch(/^HTTP\/1\.1 200 OK/);
    });

    it('after an interim response are the final ones', async () => {
      const { text } = await answered(
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n' + OK,
      );
      expect(text).toMatch(/HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/);
    });
  });
});
