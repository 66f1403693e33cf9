import {
  headerValues,
  type OwnRequestHeaders,
  relativeLocation,
  requestHeaders,
  responseHeaders,
} from './forwarded-headers.js';

const UPSTREAM = 'https://api.aspose.cloud';

describe('relativeLocation', () => {
  it.each([
    ['https://api.aspose.cloud/v3.0/cells/a?b=c#d', '/v3.0/cells/a?b=c#d'],
    ['https://api.aspose.cloud:443/v3.0/cells/a', '/v3.0/cells/a'],
    ['HTTPS://API.ASPOSE.CLOUD/v3.0/cells/a', '/v3.0/cells/a'],
    ['//api.aspose.cloud/v3.0/cells/a', '/v3.0/cells/a'],
    ['https://api.aspose.cloud', '/'],
    ['https://api.aspose.cloud?a=b', '/?a=b'],
    // never another host
    ['https://api.aspose.cloud//evil.example/a', '/evil.example/a'],
    ['https://api.aspose.cloud/\\evil.example/a', '/evil.example/a'],
    ['https://api.aspose.cloud\\evil.example/a', '/evil.example/a'],
  ])('turns %s into %s', (location, relative) => {
    expect(relativeLocation(location, UPSTREAM)).toBe(relative);
  });

  it.each([
    '/v3.0/cells/a',
    'a?b=c',
    'https://storage.example/a',
    'http://api.aspose.cloud/a',
    'https://api.aspose.cloud:8443/a',
    'https://api.aspose.cloud.evil.example/a',
    'https://api.aspose.cloud@evil.example/a',
    'https://[bad/a',
    '',
  ])('leaves %s as it is', (location) => {
    expect(relativeLocation(location, UPSTREAM)).toBe(location);
  });
});

const OWN: OwnRequestHeaders = {
  host: 'api.example',
  requestId: 'id',
  framing: undefined,
  token: undefined,
  trace: undefined,
};
const ADDED = ['Via', '1.1 cells-authority', 'X-Request-Id', 'id'];

const HOP_BY_HOP = ['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'Transfer-Encoding', 'Upgrade'];

describe('The headers of a request to the Cells API', () => {
  const forward = (rawHeaders: string[], own: Partial<OwnRequestHeaders> = {}) =>
    requestHeaders({ rawHeaders, httpVersion: '1.1' }, { ...OWN, ...own });

  it('are the client’s own, in their order and spelling, with ours', () => {
    const own = ['x-Own', 'a', 'Accept', 'b', 'X-Own', 'c', 'Authorization', 'Bearer own', 'traceparent', 'theirs'];
    expect(forward(own)).toEqual(['Host', 'api.example', ...own, ...ADDED]);
  });

  it.each([
    ...HOP_BY_HOP,
    'Host',
    'Content-Length',
    'Expect',
    'Cookie',
    'Forwarded',
    'X-Real-IP',
    'X-Request-Id',
    'Baggage',
    'client_id',
    'client_secret',
    'grant_type',
    'Proxy-Authorization',
    'X-Forwarded-For',
  ])('do not include %s', (name) => {
    expect(forward([name, 'close', 'Accept', 'b'])).toEqual(['Host', 'api.example', 'Accept', 'b', ...ADDED]);
  });

  it('do not include what Connection names', () => {
    const raw = [
      'Connection',
      'keep-alive, X-A',
      'X-a',
      '1',
      'X-B',
      '2',
      'connection',
      ' x-c ',
      'X-C',
      '3',
      'X-D',
      '4',
    ];
    expect(forward(raw)).toEqual(['Host', 'api.example', 'X-B', '2', 'X-D', '4', ...ADDED]);
    expect(forward(['Connection', 'Keep-Alive', 'X-Keep-Alive', '1'])).toContain('X-Keep-Alive');
  });

  it('have another token, the length of the body and our own trace instead of the client’s', () => {
    const trace = { traceparent: 'ours' };
    const raw = ['authorization', 'Bearer own', 'TraceParent', 'theirs', 'tracestate', 'theirs', 'X-A', '1'];
    expect(forward(raw, { token: 'better', framing: ['Content-Length', '7'], trace })).toEqual([
      'Host',
      'api.example',
      'authorization',
      'Bearer better',
      'X-A',
      '1',
      ...ADDED,
      'Content-Length',
      '7',
      'traceparent',
      'ours',
    ]);
  });
});

describe('The headers of a response to the client', () => {
  const answer = (rawHeaders: string[], statusCode = 200) =>
    responseHeaders({ rawHeaders, httpVersion: '1.1', statusCode }, 'id', UPSTREAM);

  it('are the API’s own, and ours', () => {
    const own = ['Content-Type', 'a', 'content-length', '7', 'X-A', '1', 'X-A', '2', 'Date', 'now'];
    expect(answer(own)).toEqual([...own, ...ADDED]);
  });

  it.each([
    ...HOP_BY_HOP,
    'Proxy-Authenticate',
    'Proxy-Authentication-Info',
    'Set-Cookie',
    'Strict-Transport-Security',
    'Alt-Svc',
    'X-Request-Id',
  ])('do not include %s', (name) => {
    expect(answer([name, 'close'])).toEqual(ADDED);
  });

  it('do not include what Connection names, nor a length with 204', () => {
    expect(answer(['Connection', 'X-A', 'x-a', '1'])).toEqual(ADDED);
    expect(answer(['Content-Length', '0', 'X-A', '1'], 204)).toEqual(['X-A', '1', ...ADDED]);
  });

  it('bring a redirect to the API back to this service', () => {
    expect(answer(['LOCATION', `${UPSTREAM}/v3.0/cells`], 302)).toEqual(['LOCATION', '/v3.0/cells', ...ADDED]);
  });
});

describe('headerValues', () => {
  it('finds every value of one header, and no value that looks like its name', () => {
    const raw = ['X-A', '1', 'X-B', 'x-a', 'x-a', '', 'X-Aa', '2', 'x-A'];
    expect(headerValues(raw, 'x-a')).toEqual(['1', '']);
  });
});
