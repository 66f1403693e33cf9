import { OAuthError } from '../errors/oauth-error.js';
import { type HttpRequest } from './http-request.js';
import { TokenRequestReader } from './token-request.reader.js';

const FORM = 'application/x-www-form-urlencoded';
const PAIR = 'client_id=id&client_secret=secret';
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

interface Sent {
  readonly url?: string;
  readonly type?: string;
  /** Text, or what the host has parsed it to. */
  readonly body?: unknown;
  readonly authorization?: string;
  readonly headers?: Record<string, string>;
  readonly rawHeaders?: string[];
  /** Whether the client has reset its connection. */
  readonly gone?: boolean;
}

function readerOf(sent: Sent, queryCredentials: 'allow' | 'deny' = 'allow'): TokenRequestReader {
  const { url = '/connect/token', type = sent.body === undefined ? undefined : FORM, body, authorization } = sent;
  const request: HttpRequest = {
    originalUrl: url,
    method: 'POST',
    headers: {
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(body === undefined ? {} : { 'content-length': typeof body === 'string' ? String(body.length) : '1' }),
      ...(authorization === undefined ? {} : { authorization }),
      ...sent.headers,
    },
    rawHeaders: sent.rawHeaders,
    ...(sent.gone === true ? {} : { ip: '192.0.2.1' }),
  };
  return new TokenRequestReader(request, queryCredentials);
}

const read = (sent: Sent) => readerOf(sent).read(sent.body);

/** `id secret scope grant_type` as far as they were sent, or the status and description of the error. */
function outcomeOf(sent: Sent, queryCredentials: 'allow' | 'deny' = 'allow'): string {
  try {
    const { credentials, scope, grantType } = readerOf(sent, queryCredentials).read(sent.body);
    return [credentials.clientId, credentials.clientSecret, scope, grantType]
      .filter((one) => one !== undefined)
      .join(' ');
  } catch (error) {
    if (!(error instanceof OAuthError) || error.error !== 'invalid_request') throw error;
    return `${error.status} ${error.description}`;
  }
}

const ONE_WAY = '400 Client credentials must be sent in one way only';
const NO_ID = '400 client_id is missing';
const NO_SECRET = '400 client_secret is missing';
const BAD_ESCAPE = '400 The request has a malformed percent-encoding';
const NOT_MEMBERS = '400 The body must hold the parameters of a token request';
const NOT_BASE64 = '400 The Basic credentials are not base64';
const NO_COLON = '400 The Basic credentials have no colon';
const EMPTY_PART = '400 The Basic credentials have an empty part';
const WRONG_TYPE = '400 The body must be application/x-www-form-urlencoded or application/json';
const json = (body: unknown, type = 'application/json'): Sent => ({ body, type });

describe('TokenRequestReader', () => {
  it.each<[string, Sent, string]>([
    ['the query', { url: `/connect/token?${PAIR}` }, 'id secret'],
    ['a query of the published names', { url: '/t?Client%20ID=id&Client+Secret=secret' }, 'id secret'],
    ['other spellings', { url: '/t?clientId=id&CLIENT-SECRET=secret&Grant_Type=g&SCOPE=s' }, 'id secret s g'],
    ['a query with empty parts', { url: `/t?&&${PAIR}&&=x&y` }, 'id secret'],
    ['a secret with =', { url: '/t?client_id=id&client_secret=a=b' }, 'id a=b'],
    ['a form', { body: `grant_type=g&${PAIR}&scope=a+b%20c%2B` }, 'id secret a b c+ g'],
    ['a form with a charset', { body: PAIR, type: ` ${FORM.toUpperCase()} ; charset=utf-8` }, 'id secret'],
    ['a chunked form', { body: PAIR, headers: { 'content-length': '0', 'transfer-encoding': 'chunked' } }, 'id secret'],
    ['a form that the host parsed', { body: { client_id: 'id', client_secret: 'secret' } }, 'id secret'],
    ['JSON', json('{"client_id":"id","client_secret":"secret"}'), 'id secret'],
    ['JSON with a colon', json('{"client_id":"id","client_secret":"a:b"}'), 'id a:b'],
    [
      'JSON that repeats what nobody asks for',
      json(`{"x":1,"x":{"client_id":"no"},"client_id":"id","client_secret":"s"}`),
      'id s',
    ],
    ['JSON with lists', json('{"x":["client_id",{"y":":"}],"client_id":"id","client_secret":"s\\"{"}'), 'id s"{'],
    ['parsed JSON', json({ client_id: 'id', client_secret: 'secret', other: 1 }), 'id secret'],
    ['Basic', { authorization: basic('id:secret') }, 'id secret'],
    ['Basic with odd characters', { authorization: basic('i%2Dd:a:b %25+%26') }, 'i-d a:b % &'],
    ['Basic in lower case with spaces', { authorization: `basic   ${basic('id:secret').slice(6)} ` }, 'id secret'],
    ['Basic without padding', { authorization: basic('id:secre').replace('==', '').replace('=', '') }, 'id secre'],
    ['Basic and the same id', { authorization: basic('id:secret'), body: 'client_id=id&grant_type=g' }, 'id secret g'],
    ['Basic and the same id in the query', { authorization: basic('id:secret'), url: '/t?client_id=id' }, 'id secret'],
    ['a query beside an earlier token', { url: `/t?${PAIR}`, authorization: 'Bearer x' }, 'id secret'],
    [
      'a query with an empty JSON body',
      {
        url: `/t?${PAIR}`,
        body: '',
        type: 'application/json',
        headers: { 'content-length': '0', 'content-encoding': 'gzip' },
      },
      'id secret',
    ],
    [
      'a query with an empty chunked body',
      { url: `/t?${PAIR}`, body: '', type: 'text/plain', headers: { 'transfer-encoding': 'chunked' } },
      'id secret',
    ],
    [
      'a query with a body that the host dropped',
      { url: `/t?${PAIR}`, type: 'application/json', headers: { 'content-length': '2' } },
      'id secret',
    ],
    ['a query and a scope in the body', { url: `/t?${PAIR}`, body: 'scope=s' }, 'id secret s'],
    ['a scope in the query and a form', { url: '/t?scope=s&grant_type=g', body: PAIR }, 'id secret s g'],
    ['an uncompressed body', { body: PAIR, headers: { 'content-encoding': ' Identity ' } }, 'id secret'],
    ['empty values', { url: '/t?scope=&grant_type=', body: `client_id=id&client_secret=secret` }, 'id secret'],
  ])('reads %s', (_name, sent, expected) => {
    expect(outcomeOf(sent)).toBe(expected);
  });

  it.each<[string, Sent, string]>([
    ['nothing', {}, NO_ID],
    ['an id only', { body: 'client_id=id' }, NO_SECRET],
    ['a secret only', { url: '/t?client_secret=secret' }, NO_ID],
    ['an empty id', { url: '/t?client_id=&client_secret=secret' }, NO_ID],
    ['an empty secret', json('{"client_id":"id","client_secret":""}'), NO_SECRET],
    ['a Bearer token only', { authorization: 'Bearer x' }, NO_ID],
    ['another scheme that begins like Basic', { authorization: `Basically ${basic('id:secret').slice(6)}` }, NO_ID],
    ['query and body', { url: `/t?${PAIR}`, body: PAIR }, ONE_WAY],
    ['an id in the query, a secret in the body', { url: '/t?client_id=id', body: 'client_secret=secret' }, ONE_WAY],
    ['a secret in the query, an id in the body', { url: '/t?client_secret=secret', body: 'client_id=id' }, ONE_WAY],
    ['Basic and a secret', { authorization: basic('id:secret'), body: PAIR }, ONE_WAY],
    ['Basic and a secret in the query', { authorization: basic('id:secret'), url: `/t?${PAIR}` }, ONE_WAY],
    [
      'Basic and another id',
      { authorization: basic('id:secret'), body: 'client_id=other' },
      '400 client_id differs from the one in the Authorization header',
    ],
    ['a repeated id', { body: `${PAIR}&client_id=id` }, '400 client_id is repeated'],
    ['a repeated secret in another spelling', { url: `/t?${PAIR}&ClientSecret=x` }, '400 client_secret is repeated'],
    [
      'a repeated member',
      json('{"client_id":"id","client_secret":"a","client_secret":"b"}'),
      '400 client_secret is repeated',
    ],
    [
      'a member repeated in another spelling',
      json('{"client_id":"id","client_secret":"a","\\u0063lientId":"b"}'),
      '400 client_id is repeated',
    ],
    ['a repeated empty scope', { body: `${PAIR}&scope=&scope=` }, '400 scope is repeated'],
    ['a repeated scope, first without a value', { body: `scope&${PAIR}&scope=s` }, '400 scope is repeated'],
    ['a repeated scope, last without a value', { body: `${PAIR}&scope=s&scope` }, '400 scope is repeated'],
    ['a scope in query and body', { url: '/t?scope=s', body: `${PAIR}&scope=s` }, '400 scope is repeated'],
    [
      'a grant_type in query and body',
      { url: '/t?grant_type=g', body: `${PAIR}&grant_type=` },
      '400 grant_type is repeated',
    ],
    ['a number', json('{"client_id":7,"client_secret":"s"}'), '400 client_id must be a string'],
    ['a list', json({ client_id: 'id', client_secret: ['s'] }), '400 client_secret must be a string'],
    ['a bad escape', { url: '/t?client_id=%zz' }, BAD_ESCAPE],
    ['a bad escape in a name', { body: `%ff=x&${PAIR}` }, BAD_ESCAPE],
    ['bad UTF-8', { body: 'client_id=%c3%28' }, BAD_ESCAPE],
    ['plain text', { body: PAIR, type: 'text/plain' }, WRONG_TYPE],
    ['no type', { body: PAIR, type: '' }, WRONG_TYPE],
    [
      'a compressed body',
      { body: PAIR, headers: { 'content-encoding': 'gzip' } },
      '415 A Content-Encoding is not supported',
    ],
    ['broken JSON', json('{"client_id":'), '400 The body is not valid JSON'],
    ['a JSON list', json('["client_id"]'), NOT_MEMBERS],
    ['JSON null', json('null'), NOT_MEMBERS],
    ['a JSON string', json('"client_id"'), NOT_MEMBERS],
    ['a parsed null', json(null), NOT_MEMBERS],
    [
      'two Authorization headers',
      { authorization: basic('id:secret'), rawHeaders: ['Authorization', 'x', 'Host', 'a', 'AUTHORIZATION', 'y'] },
      '400 The Authorization header is repeated',
    ],
    ['the word Basic alone', { authorization: 'Basic' }, NOT_BASE64],
    ['Basic that is not base64', { authorization: 'Basic id:secret' }, NOT_BASE64],
    ['Basic with something before base64', { authorization: `Basic :${basic('id:secret').slice(6)}` }, NOT_BASE64],
    ['Basic with something after base64', { authorization: `${basic('id:secret')}:` }, NOT_BASE64],
    ['Basic with too much padding', { authorization: 'Basic aWQ6cw===' }, NOT_BASE64],
    ['Basic with padding that is too short', { authorization: 'Basic aWQ6cw=' }, NOT_BASE64],
    ['Basic that was cut off', { authorization: 'Basic aWQ6c' }, NOT_BASE64],
    ['Basic without a colon', { authorization: basic('id') }, NO_COLON],
    ['Basic without an id', { authorization: basic(':secret') }, EMPTY_PART],
    ['Basic without a secret', { authorization: basic('id:') }, EMPTY_PART],
    ['Basic with a bad escape', { authorization: basic('id:%zz') }, BAD_ESCAPE],
  ])('refuses %s', (_name, sent, expected) => {
    expect(outcomeOf(sent)).toBe(expected);
  });

  it('turns bytes of Basic credentials into characters one by one, so that none of them is lost', () => {
    const authorization = `Basic ${Buffer.from([0x69, 0x3a, 0xff, 0xfe]).toString('base64')}`;
    expect(outcomeOf({ authorization })).toBe('i ÿþ');
  });

  it('refuses a secret in the URL where that is denied, and only that', () => {
    const refused = '400 A client_secret in the URL is refused here: send it in the body or with HTTP Basic';
    expect(outcomeOf({ url: `/t?${PAIR}` }, 'deny')).toBe(refused);
    expect(outcomeOf({ url: '/t?scope=s', body: PAIR }, 'deny')).toBe('id secret s');
  });

  it('takes one Authorization header among others, on Express and on Fastify', () => {
    const rawHeaders = ['Authorization', 'x', 'X-Value', 'authorization', 'authorizatiox', 'y'];
    expect(outcomeOf({ authorization: basic('id:secret'), rawHeaders })).toBe('id secret');
    expect(outcomeOf({ authorization: basic('id:secret') })).toBe('id secret');
  });

  it('hands on the address of the client', () => {
    expect(read({ body: PAIR }).clientAddress).toBe('192.0.2.1');
  });

  it('gives clients whose address is gone with their connection one in common', () => {
    expect(read({ body: PAIR, gone: true }).clientAddress).toBe('unknown');
  });

  it.each<[string | undefined, boolean, number]>([
    [undefined, false, 0],
    ['max-age=0', false, 0],
    ['no-cache', true, 0],
    ['max-age=0, No-Cache', true, 0],
    ['min-fresh=60', false, 60],
    ['no-cache , MIN-FRESH="60"', true, 60],
    ['min-fresh=60,min-fresh=x', false, 60],
    ['min-fresh', false, 0],
    ['min-fresh=-1', false, 0],
    ['min-fresh=60s', false, 0],
    ['min-fresh=x60', false, 0],
    ['min-fresh=999999999', false, 999_999_999],
    ['min-fresh=9999999999', false, 0],
    ['max-fresh=60', false, 0],
    ['no-cache=60', true, 0],
  ])('reads Cache-Control %s', (header, forceRefresh, minFresh) => {
    const headers = header === undefined ? undefined : { 'cache-control': header };
    expect(read({ body: PAIR, headers }).wish).toEqual({ forceRefresh, minFresh });
  });

  it.each<[string, Sent, string, string | undefined]>([
    ['nothing', {}, 'none', undefined],
    ['a form', { body: PAIR }, 'form', 'id'],
    ['JSON', json('{"client_id":"id","client_secret":"secret"}'), 'json', 'id'],
    ['a query', { url: `/t?${PAIR}`, body: 'scope=s' }, 'query', 'id'],
    ['a secret in the query', { url: '/t?client_secret=s' }, 'query', undefined],
    ['an id in the query', { url: '/t?client_id=id' }, 'query', 'id'],
    ['Basic', { authorization: basic('id:secret'), url: '/t?client_id=id' }, 'basic', 'id'],
    ['broken Basic', { authorization: 'Basic ?' }, 'basic', undefined],
    ['two ids', { authorization: basic('id:secret'), body: 'client_id=other' }, 'basic', undefined],
    ['a repeated id', { body: 'client_id=id&client_id=other' }, 'form', undefined],
    ['plain text', { body: 'x', type: 'text/plain' }, 'none', undefined],
  ])('knows the form and the client of %s afterwards', (_name, sent, form, clientId) => {
    const reader = readerOf(sent);
    try {
      reader.read(sent.body);
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
    }
    expect([reader.form, reader.clientId]).toEqual([form, clientId]);
  });
});
