import { type TokenRequest } from '../../src/cells-authority/client-credentials/client-credentials.js';

/** A token request as a client somewhere sends it in a form, read and valid. */
export function tokenRequest(clientId: string, clientSecret: string, more: Partial<TokenRequest> = {}): TokenRequest {
  return {
    credentials: { clientId, clientSecret },
    scope: undefined,
    form: 'form',
    wish: { forceRefresh: false, minFresh: 0 },
    clientAddress: '192.0.2.1',
    ...more,
  };
}
