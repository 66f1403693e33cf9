import { IssuedToken } from '../../src/cells-authority/authorization-server/issued-token.js';
import { OAuthError } from '../../src/cells-authority/errors/oauth-error.js';
import { CredentialHolds } from '../../src/cells-authority/token-cache/credential-holds.js';
import { TokenCache } from '../../src/cells-authority/token-cache/token-cache.js';
import { heapUsed } from '../support/heap.js';

const MIB = 1024 * 1024;
const NOW = 1_000_000;

/** How much the heap, without garbage, has grown in MiB while the returned value was made. */
async function heapGrowth(fill: () => Promise<unknown>): Promise<number> {
  const before = heapUsed();
  const kept = await fill();
  const growth = (heapUsed() - before) / MIB;
  expect(kept).toBeDefined();
  return growth;
}

const TERMS = { maxAge: Infinity, minFresh: 0, forceRefresh: false };

function newCache(): TokenCache {
  return new TokenCache(
    { tokenCacheMaxEntries: 10_000 },
    () => NOW,
    () => 0,
    () => undefined,
  );
}

function issuedToken(accessToken: string, scope: string): IssuedToken {
  const token = IssuedToken.parse(
    JSON.stringify({ access_token: accessToken, token_type: 'Bearer', expires_in: 86_400, scope }),
  );
  if (token === undefined) throw new Error('not a token response');
  return token;
}

describe('What is kept is bounded in bytes', () => {
  it.each([
    ['8 KB', '.'.repeat(8192)],
    ['2,000 characters of two bytes', '€'.repeat(2000)],
  ])('held answers, whose bodies are %s', async (_what, text) => {
    const growth = await heapGrowth(async () => {
      const holds = new CredentialHolds(
        () => NOW,
        () => undefined,
      );
      for (let i = 0; i < 5000; i += 1) {
        const relayedBody = JSON.stringify({ error: 'invalid_client', error_description: `${i} ${text}` });
        const error = new OAuthError({ error: 'invalid_client', status: 400, description: 'refused', relayedBody });
        const request = { pair: `pair ${i}`, key: `key ${i}`, client: 'client' };
        await holds.forward(request, () => Promise.reject(error)).catch(String);
      }
      expect(holds.held).toBe(5000);
      return holds;
    });
    // Kept whole they would be 20 MiB or more.
    expect(growth).toBeLessThan(13);
  });

  it.each([
    ['ASCII', 'x'],
    ['two bytes a character', '€'],
  ])('token responses of 64 KiB, %s', async (_what, character) => {
    const growth = await heapGrowth(async () => {
      const cache = newCache();
      for (let i = 0; i < 1200; i += 1) {
        const token = issuedToken(`token ${i}`, ''.padEnd(64 * 1024, character));
        await cache.fetch({ key: `key ${i}`, pair: undefined }, TERMS, () => Promise.resolve(token));
        expect(cache.reuse(`key ${i}`, TERMS, () => Promise.resolve(token))?.text).toContain(character);
      }
      return cache;
    });
    // Kept whole they would be 150 MiB or more.
    expect(growth).toBeLessThan(80);
  });

  it('nothing of made-up tokens, however many of them are dropped', async () => {
    const growth = await heapGrowth(() => {
      const cache = newCache();
      for (let i = 0; i < 100_000; i += 1) cache.drop(`${i}`.padEnd(1024, '.'));
      return Promise.resolve(cache);
    });
    // Their digests alone would be 10 MiB.
    expect(growth).toBeLessThan(2);
  });
});
