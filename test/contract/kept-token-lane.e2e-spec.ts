import { AsposeLimits } from '../support/aspose-limits.js';
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

describe('The lane of kept tokens', () => {
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
    const lane = await exchange(service.origin, send);
    const way = await exchange(service.origin, wholeWay(send));
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
