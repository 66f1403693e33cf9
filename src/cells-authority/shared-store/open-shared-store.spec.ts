import { once } from 'node:events';
import { Redis } from 'ioredis';
import { closedPort } from '../../../test/support/closed-port.js';
import { ScriptedRedis } from '../../../test/support/scripted-redis.js';
import { type AuthorityEvent } from '../authority-observer.js';
import { type CellsAuthorityOptions, completeOptions } from '../cells-authority.options.js';
import { openSharedStore } from './open-shared-store.js';

const SECRET = 'the-secret-of-the-shared-store-0001';

describe('openSharedStore', () => {
  let redis: ScriptedRedis;
  let events: AuthorityEvent[];
  /** Called with each event. */
  let told: () => void;

  beforeEach(async () => {
    redis = await ScriptedRedis.start();
    events = [];
    told = () => undefined;
  });
  afterEach(() => redis.close());

  const open = (options: CellsAuthorityOptions) =>
    openSharedStore(
      completeOptions(options),
      () => performance.now(),
      (event) => {
        events.push(event);
        told();
      },
      1000,
      () => Date.now(),
    );

  async function until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        told = resolve;
      });
    }
  }

  const hasMarkers = () => redis.commands.some(([name, key]) => name === 'set' && key === 'ca:secrets');

  it('opens none for tokens in memory', async () => {
    expect(await open({ tokenCache: 'memory', redisUrl: redis.url, tokenCacheSecret: SECRET })).toBeUndefined();
  });

  it('uses Redis once it is connected, and leaves the markers of its secrets there', async () => {
    const store = await open({ tokenCache: 'redis', redisUrl: redis.url, tokenCacheSecret: SECRET });
    expect([store?.available, store?.state]).toEqual([false, 'connecting']);
    await until(hasMarkers);
    expect([store?.available, store?.state]).toEqual([true, 'available']);
    await store?.onApplicationShutdown();
    expect(store?.available).toBe(false);
  });

  it('only says that Redis is out of reach when it is', async () => {
    const redisUrl = `redis://127.0.0.1:${await closedPort()}`;
    const store = await open({ tokenCache: 'redis', redisUrl, tokenCacheSecret: SECRET });
    await until(() => events.length > 0);
    await store?.onApplicationShutdown();
    expect(events).toEqual([
      { type: 'shared_store', operation: 'connection', outcome: 'unavailable', reason: 'unreachable' },
    ]);
  });

  it('uses a client of the host that is connected already', async () => {
    const client = new Redis({ port: redis.port });
    await once(client, 'ready');
    const store = await open({ tokenCache: 'redis', redis: client, tokenCacheSecret: SECRET });
    expect([store?.available, store?.state]).toEqual([true, 'available']);
    await until(hasMarkers);
    await store?.onApplicationShutdown();
    client.disconnect();
  });

  it('says which package is missing', async () => {
    jest.doMock('./ioredis-commands.js', () => {
      throw new Error('Cannot find package');
    });
    await expect(open({ tokenCache: 'redis', redisUrl: redis.url, tokenCacheSecret: SECRET })).rejects.toThrow(
      'CellsAuthorityModule: tokenCache "redis" needs the package ioredis, 5 or 6',
    );
    jest.dontMock('./ioredis-commands.js');
  });

  it('refuses what is no Redis URL, and no secret', async () => {
    const store = await open({ tokenCache: 'redis', redisUrl: redis.url, tokenCacheSecret: SECRET });
    expect(() => store?.renew({ redisUrl: 'nonsense', tokenCacheSecret: SECRET })).toThrow(
      'CellsAuthorityModule: redisUrl is not a Redis URL',
    );
    expect(() => store?.renew({ redisUrl: redis.url, tokenCacheSecret: undefined })).toThrow(
      'CellsAuthorityModule: tokenCacheSecret is missing',
    );
    await store?.onApplicationShutdown();
  });
});
