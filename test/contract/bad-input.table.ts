import { type WireRequest } from '../support/http-exchange.js';

export const CLIENT_ID = '78b637f6-7d2d-4d4d-8d3c-0123456789ab';
export const CLIENT_SECRET = 'a7c3e9f1b5d24860a7c3e9f1b5d24860';
/** Every character that one of the encodings treats specially. */
export const AWKWARD_SECRET = 'p:a s%s&w+o=r#d/"\\?{}~`\'<>;,@!$^*()|[]-_.e';

export const PUBLISHED = '/v4.0/cells/connect/token';
export const FORM = 'application/x-www-form-urlencoded';
export const JSON_TYPE = 'application/json';

/** One row of "Bad input": what is sent and what must come back. */
export interface BadInputRow {
  readonly row: number;
  readonly input: string;
  readonly send: WireRequest;
  readonly status: number;
  /** Absent: a token. */
  readonly error?: 'invalid_request' | 'unsupported_grant_type';
  /** The form that upstream gets; absent: upstream is not asked. */
  readonly upstream?: Readonly<Record<string, string>>;
}

const encode = encodeURIComponent;
const idAndSecret = `client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`;
const asForm = (body: string, ...headers: string[]): WireRequest => ({
  path: PUBLISHED,
  headers: ['Content-Type', FORM, ...headers],
  body,
});
const asJson = (body: string): WireRequest => ({ path: PUBLISHED, headers: ['Content-Type', JSON_TYPE], body });
const asQuery = (query: string, ...headers: string[]): WireRequest => ({ path: `${PUBLISHED}?${query}`, headers });
const authorization = (value: string): WireRequest => ({ path: PUBLISHED, headers: ['Authorization', value] });
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');
/** Form-encoded first, as RFC 6749 §2.3.1 wants it. */
const basic = (id: string, secret: string): string => `Basic ${base64(`${encode(id)}:${encode(secret)}`)}`;
const BASIC = basic(CLIENT_ID, CLIENT_SECRET);
const TOKEN_FORM = { grant_type: 'client_credentials', client_id: CLIENT_ID, client_secret: CLIENT_SECRET };

function refused(row: number, input: string, send: WireRequest, status = 400): BadInputRow {
  return { row, input, send, status, error: 'invalid_request' };
}

function granted(
  row: number,
  input: string,
  send: WireRequest,
  upstream: Record<string, string> = TOKEN_FORM,
): BadInputRow {
  return { row, input, send, status: 200, upstream };
}

const tooLong = 'x'.repeat(513);

export const badInput: readonly BadInputRow[] = [
  refused(1, 'Basic and a secret in the body', asForm(idAndSecret, 'Authorization', BASIC)),
  refused(1, 'Basic and a secret in the query', asQuery(idAndSecret, 'Authorization', BASIC)),
  refused(1, 'Basic and a secret in a JSON body', {
    path: PUBLISHED,
    headers: ['Authorization', BASIC, 'Content-Type', JSON_TYPE],
    body: JSON.stringify({ client_secret: CLIENT_SECRET }),
  }),
  refused(1, 'query and form body', { ...asForm(idAndSecret), path: `${PUBLISHED}?${idAndSecret}` }),
  refused(1, 'id in the query, secret in the body', {
    ...asForm(`client_secret=${CLIENT_SECRET}`),
    path: `${PUBLISHED}?client_id=${CLIENT_ID}`,
  }),
  granted(2, 'Basic and the same client_id in the body', asForm(`client_id=${CLIENT_ID}`, 'Authorization', BASIC)),
  granted(2, 'Basic and the same client_id in the query', asQuery(`client_id=${CLIENT_ID}`, 'Authorization', BASIC)),
  refused(2, 'Basic and another client_id in the body', asForm('client_id=other', 'Authorization', BASIC)),
  refused(3, 'client_id twice in the query', asQuery(`client_id=${CLIENT_ID}&${idAndSecret}`)),
  refused(3, 'client_id twice across spellings', asQuery(`Client%20ID=${CLIENT_ID}&${idAndSecret}`)),
  refused(3, 'client_secret twice in the body', asForm(`${idAndSecret}&client_secret=${CLIENT_SECRET}`)),
  refused(3, 'client_secret twice across spellings', asForm(`${idAndSecret}&clientSecret=${CLIENT_SECRET}`)),
  refused(
    3,
    'client_id twice across spellings in JSON',
    asJson(JSON.stringify({ client_id: 'a', clientId: 'a', client_secret: 'b' })),
  ),
  ...[
    `{"client_id":"${CLIENT_ID}","client_id":"${CLIENT_ID}","client_secret":"${CLIENT_SECRET}"}`,
    `{"client_id":"other","client_secret":"${CLIENT_SECRET}","client_id":"${CLIENT_ID}"}`,
    `{"client_id":1,"client_id":"${CLIENT_ID}","client_secret":"${CLIENT_SECRET}"}`,
    `{"client_id":"${CLIENT_ID}","client\\u005fid":"${CLIENT_ID}","client_secret":"${CLIENT_SECRET}"}`,
    `{"client_id":"${CLIENT_ID}","Client\\u0020ID" : "${CLIENT_ID}","client_secret":"${CLIENT_SECRET}"}`,
    `{"x":{"y":[]},"client_id":"${CLIENT_ID}","client_secret":"\\"","client_secret":"${CLIENT_SECRET}"}`,
    `{"client_id":"${CLIENT_ID}","client_secret":"${CLIENT_SECRET}","scope":"a","scope":"a"}`,
    `{"client_id":"${CLIENT_ID}","client_secret":"${CLIENT_SECRET}","grant_type":"","grant_type":""}`,
  ].map((body) => refused(3, `a JSON member twice: ${body.slice(0, 40)}`, asJson(body))),
  granted(
    3,
    'names in JSON that are repeated in nested objects and in values alone',
    asJson(
      `{"x":{"client_id":"a","y":[{"client_id":"b"}]},"z":"\\",\\"client_id\\":1","client_id":"${CLIENT_ID}","client_secret":"${CLIENT_SECRET}"}`,
    ),
  ),
  refused(3, 'grant_type twice', asForm(`${idAndSecret}&grant_type=client_credentials&grant-type=client_credentials`)),
  refused(3, 'grant_type in query and body', {
    ...asForm('grant_type=client_credentials'),
    path: `${PUBLISHED}?${idAndSecret}&grant_type=client_credentials`,
  }),
  refused(3, 'scope twice', asForm(`${idAndSecret}&scope=a&scope=b`)),
  refused(3, 'scope in query and body', { ...asForm('scope=a'), path: `${PUBLISHED}?${idAndSecret}&scope=a` }),
  refused(4, 'nothing', { path: PUBLISHED }),
  refused(4, 'an empty form', asForm('')),
  refused(4, 'an empty JSON object', asJson('{}')),
  refused(4, 'id only', asQuery(`client_id=${CLIENT_ID}`)),
  refused(4, 'secret only', asForm(`client_secret=${CLIENT_SECRET}`)),
  refused(4, 'an empty id', asForm(`client_id=&client_secret=${CLIENT_SECRET}`)),
  refused(4, 'an empty secret', asQuery(`client_id=${CLIENT_ID}&client_secret=`)),
  refused(4, 'an empty secret in JSON', asJson(JSON.stringify({ client_id: CLIENT_ID, client_secret: '' }))),
  refused(5, 'Bearer and no credentials', authorization('Bearer eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl')),
  granted(6, 'basic in lower case', authorization(BASIC.replace('Basic', 'basic'))),
  granted(6, 'BASIC in upper case, two spaces', authorization(BASIC.replace('Basic ', 'BASIC  '))),
  granted(6, 'a secret of awkward characters', authorization(basic(CLIENT_ID, AWKWARD_SECRET)), {
    ...TOKEN_FORM,
    client_secret: AWKWARD_SECRET,
  }),
  granted(
    6,
    'a hyphen as %2D',
    authorization(`Basic ${base64(`${CLIENT_ID.replaceAll('-', '%2D')}:${CLIENT_SECRET}`)}`),
  ),
  granted(6, 'a colon in the secret, unencoded', authorization(`Basic ${base64(`${CLIENT_ID}:with:colon`)}`), {
    ...TOKEN_FORM,
    client_secret: 'with:colon',
  }),
  refused(7, 'Basic: not base64', authorization('Basic ***')),
  refused(7, 'Basic: base64 cut short', authorization(`Basic ${base64('ab:cd').slice(0, 5)}`)),
  refused(7, 'Basic: no colon', authorization(`Basic ${base64('nothing')}`)),
  refused(7, 'Basic: bad escape', authorization(`Basic ${base64(`${CLIENT_ID}:100%zz`)}`)),
  refused(7, 'Basic: empty id', authorization(`Basic ${base64(`:${CLIENT_SECRET}`)}`)),
  refused(7, 'Basic: empty secret', authorization(`Basic ${base64(`${CLIENT_ID}:`)}`)),
  refused(7, 'Basic: the word alone', authorization('Basic')),
  refused(7, 'two Authorization headers', {
    path: PUBLISHED,
    headers: ['Authorization', BASIC, 'Authorization', BASIC],
  }),
  ...['refresh_token', 'password', 'Client_Credentials', 'authorization_code'].map((grantType): BadInputRow => ({
    row: 8,
    input: `grant_type ${grantType}`,
    send: asForm(`${idAndSecret}&grant_type=${grantType}`),
    status: 400,
    error: 'unsupported_grant_type',
  })),
  refused(9, 'a control character in the id', asForm(`client_id=a%00b&client_secret=${CLIENT_SECRET}`)),
  refused(9, 'a line break in the secret', asForm(`client_id=${CLIENT_ID}&client_secret=a%0Ab`)),
  refused(9, 'a non-ASCII secret', asQuery(`client_id=${CLIENT_ID}&client_secret=${encode('schlüssel')}`)),
  refused(9, 'a non-ASCII secret by Basic', authorization(`Basic ${base64(`${CLIENT_ID}:schl\u00fcssel`)}`)),
  refused(9, 'a non-ASCII id in JSON', asJson(JSON.stringify({ client_id: 'ключ', client_secret: CLIENT_SECRET }))),
  refused(9, 'a control character in the scope', asForm(`${idAndSecret}&scope=a%09b`)),
  refused(9, 'a non-ASCII scope', asForm(`${idAndSecret}&scope=%C3%A9`)),
  refused(9, 'an id over 512 characters', asForm(`client_id=${tooLong}&client_secret=${CLIENT_SECRET}`)),
  refused(9, 'a secret over 512 characters', asForm(`client_id=${CLIENT_ID}&client_secret=${tooLong}`)),
  refused(9, 'a scope over 512 characters', asForm(`${idAndSecret}&scope=${tooLong}`)),
  refused(10, 'client_id[] in a form', asForm(`client_id[]=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`)),
  refused(10, 'client_id[x] in the query', asQuery(`client_id[x]=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`)),
  ...['["a"]', '{"x":"a"}', '1', 'true', 'null'].map((value) =>
    refused(10, `client_id ${value} in JSON`, asJson(`{"client_id":${value},"client_secret":"${CLIENT_SECRET}"}`)),
  ),
  ...['[]', '"text"', '1', 'null', `[{"client_id":"${CLIENT_ID}","client_secret":"${CLIENT_SECRET}"}]`].map((body) =>
    refused(10, `JSON body ${body.slice(0, 12)}`, asJson(body)),
  ),
  granted(
    10,
    '__proto__ and constructor beside credentials in JSON',
    asJson(
      `{"__proto__":{"client_id":"x"},"constructor":{"prototype":{"scope":"x"}},"client_id":"${CLIENT_ID}","client_secret":"${CLIENT_SECRET}"}`,
    ),
  ),
  granted(10, '__proto__ beside credentials in a form', asForm(`__proto__=x&constructor=x&toString=x&${idAndSecret}`)),
  refused(
    10,
    'credentials inside __proto__',
    asJson(`{"__proto__":{"client_id":"${CLIENT_ID}","client_secret":"${CLIENT_SECRET}"}}`),
  ),
  granted(11, 'unknown parameters', asForm(`${idAndSecret}&resource=x&client_id_hint=y&assertion=z`)),
  granted(11, 'unknown parameters in the query', asQuery(`${idAndSecret}&api-version=4&debug`)),
  granted(
    11,
    'unknown members in JSON',
    asJson(JSON.stringify({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET, x: [1] })),
  ),
  refused(12, '%zz in the query', asQuery(`client_id=%zz&client_secret=${CLIENT_SECRET}`)),
  refused(12, 'a lone % in an unknown parameter', asQuery(`${idAndSecret}&x=%`)),
  refused(12, 'bad UTF-8 in the query', asQuery(`client_id=${CLIENT_ID}&client_secret=%C3%28`)),
  refused(12, 'an overlong UTF-8 sequence in the query', asQuery(`client_id=%C0%AF&client_secret=${CLIENT_SECRET}`)),
  ...['text/plain', 'multipart/form-data; boundary=x', 'application/octet-stream', 'application/xml'].map((type) =>
    refused(13, `a ${type.split(';')[0] ?? ''} body`, {
      path: PUBLISHED,
      headers: ['Content-Type', type],
      body: idAndSecret,
    }),
  ),
  refused(13, 'a body of no type', { path: PUBLISHED, body: idAndSecret }),
  refused(13, 'text/plain beside credentials in the query', {
    path: `${PUBLISHED}?${idAndSecret}`,
    headers: ['Content-Type', 'text/plain'],
    body: 'x',
  }),
  refused(13, 'broken JSON', asJson(`{"client_id":"${CLIENT_ID}","client_secret":"${CLIENT_SECRET}"`)),
  refused(13, 'form text as JSON', asJson(idAndSecret)),
  refused(14, 'Content-Encoding: gzip', asForm(idAndSecret, 'Content-Encoding', 'gzip'), 415),
  refused(
    14,
    'Content-Encoding: br, JSON',
    { ...asJson('{}'), headers: ['Content-Type', JSON_TYPE, 'Content-Encoding', 'br'] },
    415,
  ),
  ...['GET', 'HEAD', 'PUT', 'DELETE', 'TRACE', 'PATCH', 'OPTIONS'].map((method) =>
    refused(16, method, { ...asQuery(idAndSecret), method }, 405),
  ),
  refused(16, 'PUT with a body', { ...asForm(idAndSecret), method: 'PUT' }, 405),
  refused(17, 'an unknown path', { path: `/v9.9/nowhere?${idAndSecret}` }, 404),
  refused(17, 'a secret in an unknown path', { path: `/${CLIENT_SECRET}/token` }, 404),
  refused(17, 'a malformed path', { path: `/%zz/${CLIENT_SECRET}?${idAndSecret}` }),
];

/** A reply must never repeat this. */
export const INPUTS: readonly string[] = [
  CLIENT_ID,
  CLIENT_SECRET,
  AWKWARD_SECRET,
  'schl',
  'zz',
  '__proto__',
  'nowhere',
];
