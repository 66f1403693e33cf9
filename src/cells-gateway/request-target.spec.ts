import { decideTarget, type TargetDecision } from './request-target.js';

const kind = (target: string) => decideTarget(target).kind;

describe('decideTarget', () => {
  it.each([
    // as it came
    ['/v1.1/cells/book.xlsx', '/v1.1/cells/book.xlsx', '/v1.1/cells'],
    ['/v3.0/cells', '/v3.0/cells', '/v3.0/cells'],
    ['/v3.0/cells/', '/v3.0/cells/', '/v3.0/cells'],
    ['/v4.0/cells/a?b=c', '/v4.0/cells/a?b=c', '/v4.0/cells'],
    ['/v3.0/cells?x=/connect/token', '/v3.0/cells?x=/connect/token', '/v3.0/cells'],
    ['/V3.0/CELLS/Book.xlsx', '/V3.0/CELLS/Book.xlsx', '/v3.0/cells'],
    ['/v3.0/cells/storage/file/a%2Fb%20c.xlsx', '/v3.0/cells/storage/file/a%2Fb%20c.xlsx', '/v3.0/cells'],
    ['/v3.0%2Fcells%2Fbook', '/v3.0%2Fcells%2Fbook', '/v3.0/cells'],
    ['/%763.0/cells/book', '/%763.0/cells/book', '/v3.0/cells'],
    ['/v3.0/cells/B%C3%BCcher.xlsx', '/v3.0/cells/B%C3%BCcher.xlsx', '/v3.0/cells'],
    ['/v3.0/cells/B\u00c3\u00bccher.xlsx', '/v3.0/cells/B\u00c3\u00bccher.xlsx', '/v3.0/cells'],
    // as UTF-8 it is a letter, byte by byte there is a control character in it
    ['/v3.0/cells/%C3%84pfel.xlsx', '/v3.0/cells/%C3%84pfel.xlsx', '/v3.0/cells'],
    ['/v3.0/cells/B%FCcher.xlsx', '/v3.0/cells/B%FCcher.xlsx', '/v3.0/cells'],
    // leading slashes as one, and only those
    ['//v3.0/cells/a', '/v3.0/cells/a', '/v3.0/cells'],
    ['///v3.0//cells//a', '/v3.0//cells//a', '/v3.0/cells'],
    // a query may hold anything
    ['/v3.0/cells/a?password=%zz\\..%2e%00#', '/v3.0/cells/a?password=%zz\\..%2e%00#', '/v3.0/cells'],
    ['/v3.0/cells/a?/../connect/token', '/v3.0/cells/a?/../connect/token', '/v3.0/cells'],
    // ordinary names
    ['/v3.0/cells/%252e%252e/a', '/v3.0/cells/%252e%252e/a', '/v3.0/cells'],
    ['/v4.0/cells/connect%252Ftoken', '/v4.0/cells/connect%252Ftoken', '/v4.0/cells'],
    ['/v3.0/cells/...', '/v3.0/cells/...', '/v3.0/cells'],
    ['/v3.0/cells/.hidden', '/v3.0/cells/.hidden', '/v3.0/cells'],
    ['/v3.0/cells/a..b', '/v3.0/cells/a..b', '/v3.0/cells'],
    // beside the token paths
    ['/v4.0/cells/connect/tokens', '/v4.0/cells/connect/tokens', '/v4.0/cells'],
    ['/v4.0/cells/connect', '/v4.0/cells/connect', '/v4.0/cells'],
    ['/v4.0/cells/connect/token/x', '/v4.0/cells/connect/token/x', '/v4.0/cells'],
    ['/v1.1/cells/connect/token', '/v1.1/cells/connect/token', '/v1.1/cells'],
    ['/v4.0/cells/oauth2/token', '/v4.0/cells/oauth2/token', '/v4.0/cells'],
  ])('sends %s on as %s', (raw, target, api) => {
    expect(decideTarget(raw)).toEqual<TargetDecision>({ kind: 'cells_api', target, api: api as '/v3.0/cells' });
  });

  it.each([
    '/',
    '/cells',
    '/v4.0/cellsx/a',
    '/v4.0/cell',
    '/v2.0/cells/a',
    '/v3.1/cells/a',
    '/v4.1/cells/a',
    '/v3.0/words/a',
    '/x/v3.0/cells/a',
    '/health/live',
    '/metrics',
    '*',
    '/v4.0/../cells/a',
    '/%zz',
    'http://host/metrics',
    '*http://host/v3.0/cells/a',
    // token paths as they are, and as base URLs that end in a slash make them
    '/v4.0/cells/connect/token',
    '/v3.0/cells/connect/token',
    '/v3.0/cells/connect/token?client_id=a',
    '//v3.0/cells/connect/token',
    '/v3.0//cells/connect//token',
    '/connect/token',
    '/oauth2/token',
    '/v3.0/connect/token',
    '/Connect/Token',
    'http://host/v4.0/cells/connect/token',
  ])('leaves %s alone', (raw) => {
    expect(kind(raw)).toBe('elsewhere');
  });

  it.each([
    // absolute form
    'http://host/v3.0/cells/a',
    'HTTPS://api.aspose.cloud/v3.0/cells/a?b=c',
    'http:///v3.0/cells/a',
    'http://host/v3.0/cells/a/',
    // no slash at the start, but one after decoding
    '%2Fv3.0/cells/a',
    // dot segments
    '/v3.0/cells/..',
    '/v3.0/cells/../v3.0/cells/a',
    '/v3.0/cells/./a',
    '/v3.0/cells/a/.',
    '/v3.0/cells/%2e%2e/a',
    '/v3.0/cells/.%2E/a',
    '/v3.0/cells/a%2F..%2Fb',
    '/v3.0/cells/../../connect/token',
    // backslashes
    '/v3.0/cells/a\\b',
    '/v3.0/cells/a%5Cb',
    '/v4.0/cells/connect%5ctoken',
    // control characters
    '/v3.0/cells/a%00',
    '/v3.0/cells/a%0d%0aHost:%20x',
    '/v3.0/cells/%7f',
    '/v3.0/cells/%C2%85',
    // broken escapes
    '/v3.0/cells/%',
    '/v3.0/cells/%2',
    '/v3.0/cells/%zz',
    '/v3.0/cells/100%',
    // a fragment, which some servers cut off
    '/v3.0/cells/a#b',
    '/v4.0/cells/connect/token#',
    // token paths by another spelling
    '/V4.0/cells/connect/token',
    '/v4.0/cells/Connect/Token',
    '/v4.0/cells/connect%2Ftoken',
    '/V4.0/cells/connect%2Ftoken',
    '/v4.0/cells/connect/token/',
    '/v4.0/cells/connect/token//',
    '/v4.0/cells/connect/token%2F',
    '/v4.0/cells/connect/%74oken',
    '/%76%33.0/cells/connect/token',
    '/v3.0/cells//CONNECT//token?client_id=a',
    // the Kelvin sign, whose lower case is a k
    '/v4.0/cells/connect/to%E2%84%AAen',
    'http://host/V4.0/cells/connect/token',
  ])('refuses %s', (raw) => {
    expect(kind(raw)).toBe('malformed');
  });
});
