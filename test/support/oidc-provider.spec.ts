import { type OidcProvider, startOidcProvider } from './oidc-provider.js';
import { verifiedClaims } from './token-signature.js';

interface TokenResponse {
  access_token: string;
}

async function requestToken(tokenUrl: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...fields });
  const response = await fetch(tokenUrl, { method: 'POST', headers, body });
  return { status: response.status, body: (await response.json()) as TokenResponse & Record<string, unknown> };
}

describe('the demo authorization server', () => {
  let provider: OidcProvider;
  let secretPost: Record<string, string>;

  beforeAll(async () => {
    provider = await startOidcProvider();
    secretPost = { client_id: provider.client.clientId, client_secret: provider.client.clientSecret };
  });
  afterAll(() => provider.close());

  it('issues a JWT for 24 hours that its own keys verify', async () => {
    const { status, body } = await requestToken(provider.tokenUrl, secretPost);

    expect({ status, body }).toEqual({
      status: 200,
      body: { access_token: expect.any(String), token_type: 'Bearer', expires_in: 86_400 },
    });
    const claims = await verifiedClaims(provider.jwksUrl, body.access_token);
    expect(claims).toMatchObject({ client_id: provider.client.clientId, aud: 'https://api.aspose.cloud/' });
    const forged = body.access_token.replace(/.{4}$/, 'AAAA');
    await expect(verifiedClaims(provider.jwksUrl, forged)).rejects.toThrow('signature');
  });

  it('takes the secret by HTTP Basic from the same client', async () => {
    const basic = Buffer.from(`${provider.client.clientId}:${provider.client.clientSecret}`).toString('base64');

    expect(await requestToken(provider.tokenUrl, {}, { authorization: `Basic ${basic}` })).toMatchObject({
      status: 200,
    });
  });

  it('grants a scope it knows and refuses another', async () => {
    expect(await requestToken(provider.tokenUrl, { ...secretPost, scope: 'api.platform' })).toMatchObject({
      status: 200,
      body: { scope: 'api.platform' },
    });
    expect(await requestToken(provider.tokenUrl, { ...secretPost, scope: 'api.other' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    });
  });

  it('refuses a wrong secret', async () => {
    expect(await requestToken(provider.tokenUrl, { ...secretPost, client_secret: 'wrong' })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
  });
});

it('introspects its tokens when they are opaque', async () => {
  const client = { clientId: 'a', clientSecret: 'b' };
  const provider = await startOidcProvider({ clients: [client], accessTokenFormat: 'opaque' });
  try {
    const fields = { client_id: client.clientId, client_secret: client.clientSecret };
    const { body } = await requestToken(provider.tokenUrl, fields);

    const answer = await requestToken(provider.introspectionUrl, { ...fields, token: body.access_token });

    expect(answer).toMatchObject({ status: 200, body: { active: true, client_id: 'a' } });
  } finally {
    await provider.close();
  }
});
