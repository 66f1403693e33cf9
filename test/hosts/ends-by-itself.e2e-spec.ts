import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { AsposeLimits } from '../support/aspose-limits.js';
import { buildOnce } from '../support/built-service.js';
import { CellsApi } from '../support/cells-api.js';
import { closedPort } from '../support/closed-port.js';
import { killedAtTheEnd } from '../support/leftovers.js';
import { hostAdapters } from './host-adapters.js';

/** Less than the 15 s that an idle connection to the authorization server would last. */
const TIME_TO_END_MS = 5_000;

describe('A host process ends by itself after close()', () => {
  let upstream: AsposeLimits;
  let api: CellsApi;

  beforeAll(async () => {
    await buildOnce();
    upstream = await AsposeLimits.start({ clients: [['application', 'secret-of-the-application']] });
    api = await CellsApi.start();
  }, 120_000);

  afterAll(async () => {
    await api.close();
    await upstream.close();
  });

  it.each([
    ...hostAdapters.map((adapter) => ({ adapter, tokenCache: 'memory' as const })),
    { adapter: 'Express', tokenCache: 'redis' as const },
  ])('on $adapter, with the token cache in $tokenCache', async ({ adapter, tokenCache }) => {
    const redis =
      tokenCache === 'redis'
        ? { redisUrl: `redis://127.0.0.1:${await closedPort()}`, tokenCacheSecret: 'x'.repeat(32) }
        : {};
    const host = JSON.stringify({ adapter, tokenUrl: upstream.tokenUrl, api: api.origin, tokenCache, ...redis });

    const child = killedAtTheEnd(
      spawn(process.execPath, [join(__dirname, 'ends-by-itself.mjs'), host], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    child.stdout.once('data', () => {
      setTimeout(() => child.kill('SIGKILL'), TIME_TO_END_MS).unref();
    });

    const [stdout, exit] = await Promise.all([text(child.stdout), once(child, 'exit')]);

    expect(stdout).toBe('closed 200\n');
    expect(exit).toEqual([0, null]);
  });
});
