import { type INestApplicationContext } from '@nestjs/common';
import { AUTHORITY_OPTIONS, type AuthorityOptions } from '../../src/cells-authority/cells-authority.options.js';
import { type TokenRequest } from '../../src/cells-authority/client-credentials/client-credentials.js';
import { PUBLISHED_PATH } from '../../src/cells-authority/index.js';
import { type TokenAnswer } from '../../src/cells-authority/token-cache/kept-token.js';
import { TokenAuthority } from '../../src/cells-authority/token-cache/token-authority.js';
import { maxAgeOn } from '../../src/cells-authority/token-paths.js';

/** The published path, or one of those that SDKs call. */
export type KindOfPath = 'published' | 'sdk';

/** What the module gets for a token request on such a path. */
export async function obtain(
  module: INestApplicationContext,
  request: TokenRequest,
  path: KindOfPath,
): Promise<TokenAnswer> {
  const maxAge = maxAgeOn(
    path === 'published' ? PUBLISHED_PATH : 'connect/token',
    module.get<AuthorityOptions>(AUTHORITY_OPTIONS),
  );
  return module.get(TokenAuthority).obtain(request, { maxAge, ...request.wish });
}

/** A token request as a client somewhere sends it over HTTP, read and valid. */
export function tokenRequest(clientId: string, clientSecret: string, more: Partial<TokenRequest> = {}): TokenRequest {
  return {
    credentials: { clientId, clientSecret },
    scope: undefined,
    wish: { forceRefresh: false, minFresh: 0 },
    clientAddress: '192.0.2.1',
    ...more,
  };
}
