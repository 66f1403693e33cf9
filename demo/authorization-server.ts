import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { demoClient, type DemoClient } from './demo-client.js';
import { importOidcProvider } from './oidc-provider.import.js';
import { TokenStorage } from './token-storage.js';

export interface AuthorizationServerOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default: only the demo client. */
  readonly clients?: readonly DemoClient[];
  /** Default `jwt`, as Aspose issues them. `oidc-provider` introspects `opaque` tokens only. */
  readonly accessTokenFormat?: 'jwt' | 'opaque';
  /** Seconds. Default 86,400, as Aspose has it. */
  readonly accessTokenLifetime?: number;
}

export interface AuthorizationServerAddresses {
  readonly issuer: string;
  readonly tokenUrl: string;
  readonly introspectionUrl: string;
  readonly jwksUrl: string;
}

export interface AuthorizationServer extends AuthorizationServerAddresses {
  close(): Promise<void>;
}

const API = 'https://api.aspose.cloud/';
const SCOPES = ['api.platform', 'api.products'];
const ROUTES = { token: '/connect/token', introspection: '/connect/introspect', jwks: '/connect/jwks' };

/**
 * A real OAuth 2.0 authorization server on loopback: `oidc-provider`, set up to issue the same as Aspose Cloud: a JWT
 * valid for 24 hours, for `grant_type=client_credentials`. A client may send its secret in the form body or by HTTP
 * Basic; `oidc-provider` accepts both from a client registered for one of them.
 *
 * @throws the listening error (`EADDRINUSE`, `EACCES`) when the port is not available.
 */
export async function startAuthorizationServer({
  port = 0,
  clients = [demoClient],
  accessTokenFormat = 'jwt',
  accessTokenLifetime = 86_400,
}: AuthorizationServerOptions = {}): Promise<AuthorizationServer> {
  const { Provider, errors } = await importOidcProvider();
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const signingKey = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' };

  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const provider = new Provider(issuer, {
    adapter: () => new TokenStorage(),
    clients: clients.map(({ clientId, clientSecret }) => ({
      client_id: clientId,
      client_secret: clientSecret,
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    cookies: { keys: [randomBytes(32).toString('hex')] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => API,
        getResourceServerInfo: (ctx) => {
          // By default the provider ignores unknown scopes; Aspose refuses them.
          const unknown = [...ctx.oidc.requestParamScopes].find((scope) => !SCOPES.includes(scope));
          if (unknown !== undefined) throw new errors.InvalidScope('requested scope is not allowed', unknown);
          return {
            scope: SCOPES.join(' '),
            audience: API,
            accessTokenFormat,
            accessTokenTTL: accessTokenLifetime,
            jwt: { sign: { alg: 'RS256' } },
          };
        },
        useGrantedResource: () => true,
      },
    },
    jwks: { keys: [signingKey] },
    routes: ROUTES,
    scopes: SCOPES,
    ttl: { ClientCredentials: accessTokenLifetime },
  });
  provider.on('server_error', (_ctx, error) => {
    console.error(`authorization server: ${error.message}`);
  });
  const handle = provider.callback();
  server.on('request', (request, response) => void handle(request, response));

  return {
    issuer,
    tokenUrl: issuer + ROUTES.token,
    introspectionUrl: issuer + ROUTES.introspection,
    jwksUrl: issuer + ROUTES.jwks,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
