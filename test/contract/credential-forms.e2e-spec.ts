import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange, type WireRequest } from '../support/http-exchange.js';
import { ownerOf } from '../support/owned-token.js';
import { type RunningService, startService } from '../support/service.js';
import { CLIENT_ID, CLIENT_SECRET, FORM, JSON_TYPE } from './bad-input.table.js';

const PATHS = [
  '/v4.0/cells/connect/token',
  '/v3.0/cells/connect/token',
  '/connect/token',
  '/oauth2/token',
  '/v3.0/connect/token',
];

const BASIC = `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}`;

const FORMS: Readonly<Record<string, (path: string, grantType?: string) => WireRequest>> = {
  query: (path, grantType) => ({
    path: `${path}?${parameters(grantType)}&client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`,
  }),
  'form body': (path, grantType) => ({
    path,
    headers: ['Content-Type', FORM],
    body: `client_secret=${CLIENT_SECRET}&client_id=${CLIENT_ID}&${parameters(grantType)}`,
  }),
  'HTTP Basic': (path, grantType) => ({
    path,
    headers: ['Authorization', BASIC, 'Content-Type', FORM],
    body: parameters(grantType),
  }),
  'JSON body': (path, grantType) => ({
    path,
    headers: ['Content-Type', JSON_TYPE],
    body: JSON.stringify({ grant_type: grantType, client_id: CLIENT_ID, client_secret: CLIENT_SECRET }),
  }),
};

function parameters(grantType?: string): string {
  return grantType === undefined ? '' : `grant_type=${grantType}`;
}

describe('Credential forms', () => {
  let upstream: AsposeLimits;
  let service: RunningService;

  beforeAll(async () => {
    upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
    service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, TOKEN_CACHE: 'off' });
  });

  afterAll(async () => {
    await service.close();
    await upstream.close();
  });

  beforeEach(() => {
    upstream.clear();
  });

  const cases = [...PATHS, ...PATHS.map((path) => `/${path}`)].flatMap((path) =>
    Object.keys(FORMS).flatMap((form) =>
      [undefined, '', 'client_credentials'].map((grantType) => ({ path, form, grantType })),
    ),
  );

  it.each(cases)('POST $path by $form with grant_type $grantType gets a token', async ({ path, form, grantType }) => {
    const reply = await exchange(service.origin, FORMS[form]?.(path, grantType) ?? { path });

    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
    });
    const { access_token: token, ...rest } = JSON.parse(reply.body);
    expect(ownerOf(token)).toMatchObject({ clientId: CLIENT_ID, scope: '' });
    expect(rest).toEqual({ token_type: 'Bearer', expires_in: 86_400 });
    expect(upstream.requests).toHaveLength(1);
    expect(upstream.requests[0]).toMatchObject({
      method: 'POST',
      path: '/connect/token',
      body: `grant_type=client_credentials&client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`,
    });
    expect(upstream.requests[0]?.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded\b/);
  });

  it("serves postAccessToken as SDKs send it: query, somebody's Bearer, JSON announced, nothing sent", async () => {
    const reply = await exchange(service.origin, {
      path: `/v3.0/cells/connect/token?client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`,
      headers: ['Authorization', 'Bearer old', 'Content-Type', JSON_TYPE, 'Content-Length', '0'],
    });
    expect(reply.status).toBe(200);
    expect(upstream.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('does not forward the id and secret that the Ruby SDK repeats as headers', async () => {
    await exchange(service.origin, {
      path: '/connect/token',
      headers: ['Content-Type', FORM, 'client_id', CLIENT_ID, 'client_secret', CLIENT_SECRET, 'X-Other', 'x'],
      body: `grant_type=client_credentials&client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`,
    });
    expect(upstream.requests[0]?.rawHeaders.join('\n')).not.toMatch(/client_|X-Other|[a-f0-9]{32}/);
  });

  it.each(['Client%20ID', 'clientId', 'CLIENT-ID', 'Client_Id', 'client+id'])('accepts the id as %s', async (name) => {
    const reply = await exchange(service.origin, {
      path: `/v4.0/cells/connect/token?${name}=${CLIENT_ID}&Client%20Secret=${CLIENT_SECRET}`,
    });
    expect(reply.status).toBe(200);
  });

  it('accepts a chunked body and a charset', async () => {
    const reply = await exchange(service.origin, {
      path: '/connect/token',
      headers: ['Content-Type', `${FORM}; charset=ISO-8859-1`, 'Transfer-Encoding', 'chunked'],
      body: `client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`,
    });
    expect(reply.status).toBe(200);
  });

  it('forwards the scope', async () => {
    const reply = await exchange(service.origin, {
      path: '/connect/token',
      headers: ['Content-Type', FORM],
      body: `client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}&scope=read+write`,
    });
    expect(ownerOf(JSON.parse(reply.body).access_token).scope).toBe('read write');
  });

  it('relays everything that upstream sent, byte for byte', async () => {
    const body =
      '{ "token_type" :"bearer",\n"expires_in": 86399,"access_token":"a.b.c","refresh_token":null,"x":{"expires_in":1.50}}';
    upstream.respondNext({ status: 200, body });
    const reply = await exchange(service.origin, FORMS.query?.('/connect/token') ?? { path: '/' });
    expect(reply.body).toBe(body);
  });

  it.each([
    [400, '{"error":"invalid_client"}'],
    [400, '{"error" : "invalid_scope","error_description":"no such scope","error_uri":"https://example.com"}'],
    [401, '{"error":"invalid_client","extra":[1]}'],
    [403, '{"error":"unauthorized_client"}'],
  ])('relays the OAuth error %i %s with its status and body', async (status, body) => {
    upstream.respondNext({ status, body });
    const reply = await exchange(service.origin, {
      path: '/connect/token',
      headers: ['Content-Type', FORM],
      body: `client_id=${status}${body.length}&client_secret=${CLIENT_SECRET}`,
    });
    expect([reply.status, reply.body]).toEqual([status, body]);
  });

  it('answers a Basic client with 401 and a challenge where upstream says 400 invalid_client', async () => {
    const reply = await exchange(service.origin, {
      path: '/connect/token',
      headers: ['Authorization', `Basic ${Buffer.from('nobody:wrong').toString('base64')}`],
    });
    expect(reply.status).toBe(401);
    expect(reply.headers['www-authenticate']).toMatch(/^Basic realm=/);
    expect(JSON.parse(reply.body)).toEqual({ error: 'invalid_client' });
  });

  it('looks the same for an unknown id and a wrong secret', async () => {
    const replies = await Promise.all(
      [`client_id=unknown&client_secret=wrong`, `client_id=${CLIENT_ID}&client_secret=wrong`].map((body) =>
        exchange(service.origin, { path: '/connect/token', headers: ['Content-Type', FORM], body }),
      ),
    );
    expect(replies.map(({ status, body }) => [status, body])).toEqual(
      Array.from({ length: 2 }, () => [400, '{"error":"invalid_client"}']),
    );
  });

  it('does not repeat a secret that upstream put into its error response', async () => {
    upstream.respondNext({
      status: 400,
      body: { error: 'invalid_client', error_description: `bad ${CLIENT_SECRET}!` },
    });
    const reply = await exchange(service.origin, {
      path: '/connect/token',
      headers: ['Content-Type', FORM],
      body: `client_id=echo&client_secret=${CLIENT_SECRET}`,
    });
    expect(reply.status).toBe(400);
    expect(reply.body).not.toContain(CLIENT_SECRET);
    expect(JSON.parse(reply.body)).toMatchObject({ error: 'invalid_client' });
  });

  it('denies secrets in URLs with QUERY_CREDENTIALS=deny', async () => {
    const strict = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, QUERY_CREDENTIALS: 'deny' });
    const replies = await Promise.all([
      exchange(strict.origin, FORMS.query?.('/connect/token') ?? { path: '/' }),
      exchange(strict.origin, FORMS['form body']?.('/connect/token') ?? { path: '/' }),
    ]);
    await strict.close();
    expect(replies.map(({ status }) => status)).toEqual([400, 200]);
  });
});
