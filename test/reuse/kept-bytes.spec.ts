import { OAuthError } from '../../src/cells-authority/errors/oauth-error.js';
import { CredentialHolds } from '../../src/cells-authority/token-cache/credential-holds.js';
import { heapUsed } from '../support/heap.js';

const MIB = 1024 * 1024;
const NOW = 1_000_000;

/** How much the heap has grown in MiB, garbage left out, while what is returned was made. */
async function heapGrowth(fill: () => Promise<unknown>): Promise<number> {
  const before = heapUsed();
  const kept = await fill();
  const growth = (heapUsed() - before) / MIB;
  expect(kept).toBeDefined();
  return growth;
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
});
