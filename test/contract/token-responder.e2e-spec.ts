import { EventEmitter, once } from 'node:events';
import { type AuthorityEvent, CellsAuthorityController } from '../../src/cells-authority/index.js';
import { TokenResponder } from '../../src/cells-authority/internal.js';
import { TokenAuthority } from '../../src/cells-authority/token-cache/token-authority.js';
import { IssuedToken } from '../../src/cells-authority/authorization-server/issued-token.js';
import { answerWith } from '../../src/cells-authority/token-cache/kept-token.js';
import { GracefulStop } from '../../src/http/graceful-stop.js';
import { Stopping } from '../../src/http/stopping.module.js';
import { ServiceMetrics } from '../../src/metrics/service-metrics.js';
import { settled } from '../faults/resources.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange, type WireReply, type WireRequest } from '../support/http-exchange.js';
import { type RunningService, startService } from '../support/service.js';
import { badInput, CLIENT_ID, CLIENT_SECRET, FORM, JSON_TYPE, PUBLISHED } from './bad-input.table.js';

type TokenRequestEvent = Extract<AuthorityEvent, { type: 'token_request' }>;

const BASIC = `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}`;
const PAIR = `client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`;
const PAGE = 'https://app.example.com';

const good: readonly { form: TokenRequestEvent['credentialForm']; send: WireRequest }[] = [
  { form: 'query', send: { path: `${PUBLISHED}?${PAIR}` } },
  { form: 'query', send: { path: `/connect/token?${PAIR}` } },
  { form: 'form', send: { path: PUBLISHED, headers: ['Content-Type', FORM], body: PAIR } },
  { form: 'basic', send: { path: PUBLISHED, headers: ['Authorization', BASIC] } },
  { form: 'basic', send: { path: PUBLISHED, headers: ['Authorization', BASIC, 'Content-Type', FORM], body: 'x=1' } },
  {
    form: 'json',
    send: {
      path: PUBLISHED,
      headers: ['Content-Type', JSON_TYPE],
      body: JSON.stringify({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET }),
    },
  },
];

const withHeaders = (send: WireRequest, ...headers: string[]): WireRequest => ({
  ...send,
  headers: [...(send.headers ?? []), ...headers],
});

let upstream: AsposeLimits;
let service: RunningService;
let events: TokenRequestEvent[];

beforeAll(async () => {
  upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
  service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, CORS_ORIGINS: PAGE });
});

afterAll(async () => {
  await service.close();
  await upstream.close();
});

beforeEach(() => {
  events = [];
  jest.spyOn(service.app.get(ServiceMetrics).requests, 'tokenRequest').mockImplementation((event) => {
    events.push(event);
  });
});

afterEach(() => {
  jest.restoreAllMocks();
});

/** What may differ between two answers to the same request. */
function comparable({ status, headers, body }: WireReply): object {
  const differing = /^(?:date|x-request-id|retry-after|content-length|vary|access-control-.*)$/;
  return {
    status,
    body: body.replace(/"expires_in":\d+/, '"expires_in":0'),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !differing.test(name))),
    named: 'x-request-id' in headers,
  };
}

describe('Every token request is answered by the one responder, once, and never enters the pipeline of Nest', () => {
  const respond = () => jest.spyOn(TokenResponder.prototype, 'respond');
  const pipeline = () => jest.spyOn(CellsAuthorityController.prototype, 'postAccessToken');

  it.each(good)('a good one by $form, from a page or not', async ({ form, send }) => {
    const [responded, entered] = [respond(), pipeline()];

    const plain = await exchange(service.origin, send);
    const fromPage = await exchange(service.origin, withHeaders(send, 'Origin', PAGE, 'Sec-Fetch-Site', 'cross-site'));

    expect(plain.status).toBe(200);
    expect(comparable(fromPage)).toEqual(comparable(plain));
    expect(fromPage.headers['access-control-allow-origin']).toBe(PAGE);
    expect(events).toEqual([
      expect.objectContaining({ credentialForm: form, outcome: 'token', status: 200, client: undefined }),
      expect.objectContaining({ credentialForm: form, outcome: 'token', status: 200, client: undefined }),
    ]);
    expect(events.map(({ requestId }) => requestId)).toEqual([plain, fromPage].map((r) => r.headers['x-request-id']));
    expect(responded).toHaveBeenCalledTimes(2);
    expect(entered).not.toHaveBeenCalled();
  });

  const bad = badInput.filter(({ row, send }) => row !== 17 && (send.method ?? 'POST') === 'POST');
  it.each(bad)('bad input $row, $input', async ({ send, upstream: form }) => {
    if (form !== undefined) return;
    const [responded, entered] = [respond(), pipeline()];

    const reply = await exchange(service.origin, send);

    const { error } = JSON.parse(reply.body) as { error: string };
    expect(events).toEqual([expect.objectContaining({ outcome: error, status: reply.status })]);
    expect(responded).toHaveBeenCalledTimes(1);
    expect(entered).not.toHaveBeenCalled();
  });

  it.each(['GET', 'HEAD', 'PUT', 'TRACE'])('%s, which is counted once, too', async (method) => {
    await exchange(service.origin, { method, path: `${PUBLISHED}?${PAIR}` });

    expect(events).toEqual([
      expect.objectContaining({ credentialForm: 'query', outcome: 'invalid_request', status: 405 }),
    ]);
  });
});

describe('What the reader has found is reported about a request', () => {
  const large = 'x'.repeat(17_000);

  it.each<[string, TokenRequestEvent['credentialForm'], WireRequest]>([
    ['form', 'form', { path: PUBLISHED, headers: ['Content-Type', FORM], body: large }],
    ['JSON', 'json', { path: PUBLISHED, headers: ['Content-Type', JSON_TYPE], body: large }],
    ['Basic', 'basic', { path: PUBLISHED, headers: ['Authorization', BASIC, 'Content-Type', FORM], body: large }],
  ])('when the body of a request by %s is refused for its size', async (_name, form, send) => {
    const { status } = await exchange(service.origin, send);

    expect(status).toBe(413);
    expect(events).toEqual([expect.objectContaining({ credentialForm: form, outcome: 'invalid_request', status })]);
  });

  it('names the client of a refusal, and none where several are named', async () => {
    await exchange(service.origin, { path: `${PUBLISHED}?client_id=${CLIENT_ID}` });
    await exchange(service.origin, withHeaders({ path: `${PUBLISHED}?client_id=other` }, 'Authorization', BASIC));

    expect(events.map(({ client }) => client)).toEqual([expect.stringMatching(/^[\w-]{8}$/), undefined]);
  });
});

describe('Pages of other origins', () => {
  it.each(['cross-site', 'same-site'])('ask for no token when they are %s, and nothing is forwarded', async (site) => {
    const forwarded = upstream.requestCount;
    for (const origin of ['https://evil.example', 'null']) {
      for (const { send } of good) {
        const reply = await exchange(service.origin, withHeaders(send, 'Origin', origin, 'Sec-Fetch-Site', site));

        expect([reply.status, JSON.parse(reply.body)]).toMatchObject([403, { error: 'invalid_request' }]);
        expect(reply.headers['cache-control']).toBe('no-store');
      }
    }
    const guess = { path: `${PUBLISHED}?client_id=${CLIENT_ID}&client_secret=guess` };
    expect((await exchange(service.origin, withHeaders(guess, 'Sec-Fetch-Site', site))).status).toBe(403);
    expect(upstream.requestCount).toBe(forwarded);
  });

  it.each(['same-origin', 'none'])('the page of the service itself, %s, gets one', async (site) => {
    const reply = await exchange(service.origin, withHeaders({ path: `${PUBLISHED}?${PAIR}` }, 'Sec-Fetch-Site', site));

    expect(reply.status).toBe(200);
  });
});

describe('An unforeseen error', () => {
  it('is answered without quoting it, and counted', async () => {
    jest.spyOn(service.app.get(TokenAuthority, { strict: false }), 'obtain').mockImplementation(() => {
      throw new Error(`no place for ${CLIENT_SECRET}`);
    });

    const reply = await exchange(service.origin, { path: `${PUBLISHED}?${PAIR}` });

    expect([reply.status, JSON.parse(reply.body)]).toMatchObject([500, { error: 'server_error' }]);
    expect(reply.body).not.toContain(CLIENT_SECRET);
    expect(events).toEqual([expect.objectContaining({ outcome: 'server_error', status: 500 })]);
  });
});

describe('A request that was answered because the service is stopping', () => {
  it('is counted by that answer, even if its token arrives later', async () => {
    const issued = IssuedToken.parse('{"access_token":"x","token_type":"Bearer"}');
    if (issued === undefined) throw new Error('not a token');
    const token = answerWith(issued, issued.text, 'fetched');
    const asked = new EventEmitter();
    jest.spyOn(service.app.get(TokenAuthority, { strict: false }), 'obtain').mockImplementation(async () => {
      asked.emit('begun');
      await once(asked, 'answered');
      return token;
    });
    const stop = new GracefulStop({
      server: service.app.getHttpServer(),
      stopping: new Stopping(),
      endTransfers: () => undefined,
      close: async () => {
        await once(asked, 'answered');
      },
    });
    const begun = once(asked, 'begun');
    const reply = exchange(service.origin, { path: `${PUBLISHED}?${PAIR}` });
    await begun;

    const stopped = stop.stop(400, 0);
    expect((await reply).status).toBe(503);
    asked.emit('answered');
    await stopped;
    await settled(() => events.length > 0);

    expect(events).toEqual([expect.objectContaining({ outcome: 'temporarily_unavailable', status: 503 })]);
  });
});
