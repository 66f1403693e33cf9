import { exchange } from '../support/http-exchange.js';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js';
import { type RunningService, startService } from '../support/service.js';
import { verifiedClaims } from '../support/token-signature.js';

const PATH = '/v4.0/cells/connect/token';

describe('In front of a real authorization server', () => {
  let upstream: OidcProvider;
  let service: RunningService;

  beforeAll(async () => {
    upstream = await startOidcProvider();
    service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, TOKEN_CACHE: 'off' });
  });

  afterAll(async () => {
    await service.close();
    await upstream.close();
  });

  it.each(['query', 'form', 'Basic', 'JSON'])('a token requested by %s is one of its own', async (form) => {
    const { clientId, clientSecret } = upstream.client;
    const parameters = new URLSearchParams({ client_id: clientId, client_secret: clientSecret }).toString();
    const requests = {
      query: { path: `${PATH}?${parameters}` },
      form: { path: PATH, headers: ['Content-Type', 'application/x-www-form-urlencoded'], body: parameters },
      Basic: {
        path: PATH,
        headers: ['Authorization', `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`],
      },
      JSON: {
        path: PATH,
        headers: ['Content-Type', 'application/json'],
        body: JSON.stringify({ client_id: clientId, client_secret: clientSecret }),
      },
    };
    const reply = await exchange(service.origin, requests[form as keyof typeof requests]);
    const { access_token: token, expires_in: expiresIn } = JSON.parse(reply.body);
    expect([reply.status, expiresIn]).toEqual([200, 86_400]);
    expect(await verifiedClaims(upstream.jwksUrl, token)).toMatchObject({ client_id: clientId });
  });

  it('a wrong secret is refused as it refuses it', async () => {
    const reply = await exchange(service.origin, {
      path: PATH,
      headers: ['Content-Type', 'application/x-www-form-urlencoded'],
      body: `client_id=${upstream.client.clientId}&client_secret=wrong-secret`,
    });
    expect([reply.status, JSON.parse(reply.body).error]).toEqual([401, 'invalid_client']);
  });
});
