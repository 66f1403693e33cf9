import { CellsAuthorityService } from '../../src/cells-authority/index.js';
import { TokenRequestPipe } from '../../src/cells-authority/client-credentials/token-request.pipe.js';
import { AsposeLimits, type NextReply } from '../support/aspose-limits.js';
import { exchange, type WireReply, type WireRequest } from '../support/http-exchange.js';
import { type RunningService, startService } from '../support/service.js';
import { AWKWARD_SECRET, badInput, CLIENT_ID, CLIENT_SECRET, FORM, JSON_TYPE } from './bad-input.table.js';

const BASIC = `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}`;
const PATH = '/v4.0/cells/connect/token';
const pair = `client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`;

const good: readonly { input: string; send: WireRequest }[] = [
  { input: 'query', send: { path: `${PATH}?${pair}` } },
  { input: 'query, two slashes', send: { path: `/${PATH}?${pair}` } },
  { input: 'query, SDK path', send: { path: `/connect/token?${pair}` } },
  { input: 'query with a scope', send: { path: `${PATH}?${pair}&scope=a` } },
  { input: 'form', send: { path: PATH, headers: ['Content-Type', FORM], body: pair } },
  { input: 'form, SDK path', send: { path: '/oauth2/token', headers: ['Content-Type', FORM], body: pair } },
  { input: 'Basic', send: { path: PATH, headers: ['Authorization', BASIC] } },
  {
    input: 'JSON',
    send: {
      path: PATH,
      headers: ['Content-Type', JSON_TYPE],
      body: JSON.stringify({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET }),
    },
  },
];

/** What may differ between two answers to the same request. */
function comparable({ status, headers, body }: WireReply): object {
  const differing = new Set(['date', 'x-request-id', 'content-length', 'retry-after']);
  return {
    status,
    body: body.replace(/"expires_in":\d+/, '"expires_in":0'),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !differing.has(name))),
    namesRequest: 'x-request-id' in headers,
  };
}

/** A page's request never takes the lane; without CORS, nothing else about its answer is special. */
const wholeWay = (send: WireRequest): WireRequest => ({
  ...send,
  headers: [...(send.headers ?? []), 'Origin', 'https://elsewhere.example'],
});

/** Only requests on the whole way are seen by Nest's pipes. */
const watchWholeWay = () => jest.spyOn(TokenRequestPipe.prototype, 'transform');

afterEach(() => {
  jest.restoreAllMocks();
});

describe('The lane of token requests, for kept tokens,', () => {
  let upstream: AsposeLimits;
  let service: RunningService;

  beforeAll(async () => {
    upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
    service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl });
    for (const { send } of good) await exchange(service.origin, send);
  });

  afterAll(async () => {
    await service.close();
    await upstream.close();
  });

  beforeEach(() => {
    upstream.clear();
  });

  it.each(good)('answers $input as the whole way does', async ({ send }) => {
    const seenByNest = watchWholeWay();
    const lane = await exchange(service.origin, send);
    expect(seenByNest).not.toHaveBeenCalled();
    const way = await exchange(service.origin, wholeWay(send));
    expect(seenByNest).toHaveBeenCalledTimes(1);
    expect(lane.status).toBe(200);
    expect(comparable(lane)).toEqual(comparable(way));
    expect(upstream.requests).toHaveLength(0);
  });

  it.each(badInput)('treats bad input $row, $input, as the whole way does', async ({ send, upstream: form }) => {
    // A right pair of its own row is known here by another secret; what it gets does not matter, only that it is the same.
    if (form?.client_secret === AWKWARD_SECRET) upstream.clients.set(CLIENT_ID, CLIENT_SECRET);
    const way = await exchange(service.origin, wholeWay(send));
    const lane = await exchange(service.origin, send);
    expect(comparable(lane)).toEqual(comparable(way));
  });
});

const TOKEN = { access_token: 'x', token_type: 'Bearer', expires_in: 3600 };

const outcomes: readonly { outcome: string; reply: NextReply }[] = [
  { outcome: 'a token', reply: { status: 200, body: TOKEN } },
  { outcome: 'a token with other letters than ASCII', reply: { status: 200, body: { ...TOKEN, note: 'Grüße, 世界' } } },
  { outcome: 'a token whose life is text', reply: { status: 200, body: { ...TOKEN, expires_in: '3600' } } },
  { outcome: 'a refusal of the client', reply: { status: 400, body: { error: 'invalid_client' } } },
  { outcome: 'a refusal of the request', reply: { status: 400, body: { error: 'invalid_scope' } } },
  { outcome: 'a throttle', reply: { status: 429, headers: { 'Retry-After': '7' } } },
  { outcome: 'a failure', reply: { status: 503 } },
  { outcome: 'an answer that is not OAuth', reply: { status: 200, body: 'hello' } },
];
const forwardable = good.filter(({ send }) => !send.path.includes('scope'));

describe('The lane of token requests, where they are forwarded,', () => {
  let upstream: AsposeLimits;
  let service: RunningService;

  // A service each: a refusal or a throttle holds the pair.
  beforeEach(async () => {
    upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
    service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, TOKEN_CACHE: 'off' });
  });

  afterEach(async () => {
    await service.close();
    // What is held is not asked for a second time.
    upstream.clear();
    await upstream.close();
  });

  const both = outcomes.flatMap(({ outcome, reply }) =>
    forwardable.map(({ input, send }) => ({ outcome, reply, input, send })),
  );

  it.each(both)('hands on $outcome for $input as the whole way does', async ({ reply, send }) => {
    const seenByNest = watchWholeWay();
    upstream.respondNext(reply, reply);
    const lane = await exchange(service.origin, send);
    expect(seenByNest).not.toHaveBeenCalled();
    const way = await exchange(service.origin, wholeWay(send));
    expect(seenByNest).toHaveBeenCalledTimes(1);
    expect(comparable(lane)).toEqual(comparable(way));
    expect(upstream.requests).not.toHaveLength(0);
  });

  it('answers an error that nobody foresaw as the whole way does', async () => {
    const send = { path: `${PATH}?${pair}` };
    jest.spyOn(service.app.get(CellsAuthorityService), 'answer').mockImplementation(() => {
      return Promise.reject(new Error(`no place for ${CLIENT_SECRET}`));
    });
    const lane = await exchange(service.origin, send);
    const way = await exchange(service.origin, wholeWay(send));
    expect(lane.status).toBe(500);
    expect(comparable(lane)).toEqual(comparable(way));
  });
});
