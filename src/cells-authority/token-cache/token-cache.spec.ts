import fc from 'fast-check';
import { type AuthorityEvent } from '../authority-observer.js';
import { IssuedToken } from '../authorization-server/issued-token.js';
import { type OAuthError } from '../errors/oauth-error.js';
import {
  gatewayTimeout,
  invalidRequest,
  serverError,
  temporarilyUnavailable,
  tooManyRequests,
} from '../errors/oauth-errors.js';
import { RedisAccess } from '../shared-store/redis-access.js';
import { SharedToken } from '../shared-store/shared-token.js';
import { type TokenAnswer } from './kept-token.js';
import { type FetchToken, type ReuseTerms, TokenCache } from './token-cache.js';

const ANY: ReuseTerms = { maxAge: Infinity, minFresh: 0, forceRefresh: false };
const HOUR = 3600;

/** A cache with its own clock, and an upstream that numbers its tokens. */
class Scene {
  now = 1_000_000;
  random = 0;
  issued = 0;
  lifetime: number | string = HOUR;
  failure: OAuthError | undefined;
  readonly events: AuthorityEvent[] = [];
  readonly cache: TokenCache;

  constructor(maxEntries = 100) {
    this.cache = new TokenCache(
      { tokenCacheMaxEntries: maxEntries },
      () => this.now,
      () => this.random,
      (event) => this.events.push(event),
    );
  }

  readonly fetch: FetchToken = () => {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.issued += 1;
    return Promise.resolve(this.token(`t${this.issued}`));
  };

  token(name: string): IssuedToken {
    const token = IssuedToken.parse(
      JSON.stringify({ access_token: name, token_type: 'bearer', expires_in: this.lifetime, more: [1] }),
    );
    if (token === undefined) throw new Error('no token response');
    return token;
  }

  async obtain(terms: Partial<ReuseTerms> = {}, key = 'key', fetch = this.fetch, pair?: string): Promise<TokenAnswer> {
    const all = { ...ANY, ...terms };
    return this.cache.reuse(key, all, fetch) ?? this.cache.fetch({ key, pair }, all, fetch);
  }

  pass(seconds: number): void {
    this.now += seconds * 1000;
  }
}

/** A token that another instance fetched, and when asked to forget it says so. */
function foundToken(
  token: IssuedToken,
  ageMs = 0,
  foundThere = true,
): { shared: SharedToken; forget: jest.SpyInstance } {
  const access = new RedisAccess(
    () => 0,
    () => undefined,
  );
  const shared = new SharedToken(token, ageMs, foundThere, access, 'key', Buffer.alloc(32));
  return { shared, forget: jest.spyOn(shared, 'forget') };
}

/** A fetch that ends when the test says so. */
function pending(): {
  fetch: FetchToken;
  calls: () => number;
  resolve: (token: IssuedToken) => void;
  reject: (error: Error) => void;
} {
  let calls = 0;
  let settle: { resolve: (token: IssuedToken) => void; reject: (error: Error) => void } | undefined;
  return {
    fetch: () => {
      calls += 1;
      return new Promise((resolve, reject) => {
        settle = { resolve, reject };
      });
    },
    calls: () => calls,
    resolve: (token) => settle?.resolve(token),
    reject: (error) => settle?.reject(error),
  };
}

const settled = () => new Promise(setImmediate);

describe('TokenCache', () => {
  describe('reuse', () => {
    it('serves the kept token with the remaining whole seconds and everything else unchanged', async () => {
      const scene = new Scene();
      expect((await scene.obtain()).text).toBe(
        '{"access_token":"t1","token_type":"bearer","expires_in":3600,"more":[1]}',
      );
      scene.pass(100.5);
      const answer = await scene.obtain();
      expect(answer).toMatchObject({
        accessToken: 't1',
        source: 'kept',
        remaining: 3499,
        text: '{"access_token":"t1","token_type":"bearer","expires_in":3499,"more":[1]}',
        length: 72,
      });
    });

    it.each([
      { lifetime: HOUR, good: HOUR - 61, stale: HOUR - 60 },
      { lifetime: 600, good: 539, stale: 540 },
      { lifetime: 599, good: 539, stale: 539.1 },
      { lifetime: 100, good: 89, stale: 90 },
      { lifetime: 2, good: 1, stale: 1.001 },
      { lifetime: 1, good: 0, stale: 0.001 },
    ])('serves a token of $lifetime s after $good s and no more after $stale s', async ({ lifetime, good, stale }) => {
      const scene = new Scene();
      scene.lifetime = lifetime;
      await scene.obtain();
      scene.failure = serverError('down');
      scene.pass(good);
      expect(scene.cache.reuse('key', ANY, scene.fetch)?.accessToken).toBe('t1');
      scene.pass(stale - good);
      expect(scene.cache.reuse('key', ANY, scene.fetch)).toBeUndefined();
    });

    it.each([undefined, 0, -5, 'soon', 1e12, 31_536_001])(
      'does not keep a token whose expires_in is %p',
      async (lifetime) => {
        const scene = new Scene();
        const token = IssuedToken.parse(JSON.stringify({ access_token: 'x', token_type: 'b', expires_in: lifetime }));
        if (token === undefined) throw new Error('no token response');
        await scene.obtain({}, 'key', () => Promise.resolve(token));
        expect(scene.cache.entries).toBe(0);
        expect((await scene.obtain()).source).toBe('fetched');
      },
    );

    it('keeps a token whose expires_in is a numeric string, and relays it as an integer', async () => {
      const scene = new Scene();
      scene.lifetime = '3600';
      expect((await scene.obtain()).text).toContain('"expires_in":3600,');
      expect((await scene.obtain()).source).toBe('kept');
    });

    it('does not depend on the wall clock', async () => {
      const scene = new Scene();
      await scene.obtain();
      jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 30 * 86_400_000);
      expect((await scene.obtain()).source).toBe('kept');
      jest.restoreAllMocks();
    });

    it('builds the answer once a second', async () => {
      const scene = new Scene();
      await scene.obtain();
      const answers = [];
      for (const seconds of [0.5, 0.3, 0.7]) {
        scene.pass(seconds);
        answers.push(scene.cache.reuse('key', ANY, scene.fetch));
      }
      expect([answers[0] === answers[1], answers[1] === answers[2]]).toEqual([true, false]);
    });

    it('keeps keys apart', async () => {
      const scene = new Scene();
      const [a, b] = [await scene.obtain({}, 'a'), await scene.obtain({}, 'b')];
      expect([a.accessToken, b.accessToken, (await scene.obtain({}, 'a')).accessToken]).toEqual(['t1', 't2', 't1']);
    });
  });

  describe("client's wish", () => {
    it('fetches a new token on forceRefresh and keeps it instead', async () => {
      const scene = new Scene();
      await scene.obtain();
      expect((await scene.obtain({ forceRefresh: true })).accessToken).toBe('t2');
      expect(await scene.obtain()).toMatchObject({ accessToken: 't2', source: 'kept' });
    });

    it('reuses a token that was fetched on demand for further demands for 2 seconds, unless it was dropped', async () => {
      const scene = new Scene();
      const demand = async () => (await scene.obtain({ forceRefresh: true })).accessToken;
      await scene.obtain();
      expect([await demand(), await demand()]).toEqual(['t2', 't2']);
      scene.pass(1.999);
      expect(await demand()).toBe('t2');
      scene.pass(0.001);
      expect(await demand()).toBe('t3');
      scene.cache.drop('t3');
      expect(await demand()).toBe('t4');
    });

    it('fetches a new token when the kept one has less than minFresh seconds left', async () => {
      const scene = new Scene();
      await scene.obtain();
      scene.pass(600);
      expect((await scene.obtain({ minFresh: 3000 })).accessToken).toBe('t1');
      expect((await scene.obtain({ minFresh: 3001 })).accessToken).toBe('t2');
      expect((await scene.obtain()).accessToken).toBe('t2');
    });

    it.each([90_000, HOUR, HOUR - 9])('fetches one token in 10 seconds for a minFresh of %i', async (minFresh) => {
      const scene = new Scene();
      const demand = async () => (await scene.obtain({ minFresh })).accessToken;
      await scene.obtain();
      scene.pass(10);
      expect([await demand(), await demand()]).toEqual(['t2', 't2']);
      scene.pass(9.999);
      expect(await demand()).toBe('t2');
      scene.pass(0.001);
      expect(await demand()).toBe('t3');
    });

    it('fetches another one at once when a token had that life for 10 seconds', async () => {
      const scene = new Scene();
      await scene.obtain({ minFresh: HOUR - 10 });
      scene.pass(10);
      expect((await scene.obtain({ minFresh: HOUR - 10 })).accessToken).toBe('t1');
      scene.pass(1);
      expect((await scene.obtain({ minFresh: HOUR - 10 })).accessToken).toBe('t2');
    });

    it('does not reuse a token past maxAge, but still without it', async () => {
      const scene = new Scene();
      await scene.obtain();
      scene.pass(59);
      expect((await scene.obtain({ maxAge: 60 })).accessToken).toBe('t1');
      scene.pass(1);
      expect((await scene.obtain()).accessToken).toBe('t1');
      expect((await scene.obtain({ maxAge: 60 })).accessToken).toBe('t2');
    });
  });

  describe('single flight', () => {
    it('makes one upstream request for many, and shares its token', async () => {
      const scene = new Scene();
      const flight = pending();
      const answers = Array.from({ length: 50 }, () => scene.obtain({}, 'key', flight.fetch));
      flight.resolve(scene.token('shared'));
      const sources = (await Promise.all(answers)).map(({ accessToken, source }) => `${accessToken} ${source}`);
      expect(sources).toEqual(['shared fetched', ...Array.from({ length: 49 }, () => 'shared shared_flight')]);
      expect(flight.calls()).toBe(1);
    });

    it('shares a failure and does not remember it', async () => {
      const scene = new Scene();
      const flight = pending();
      const answers = [1, 2, 3].map(() => scene.obtain({}, 'key', flight.fetch));
      flight.reject(invalidRequest('wrong'));
      expect((await Promise.allSettled(answers)).map(({ status }) => status)).toEqual([
        'rejected',
        'rejected',
        'rejected',
      ]);
      expect((await scene.obtain()).source).toBe('fetched');
    });
  });

  describe('refresh ahead', () => {
    it.each([
      { random: 0, quiet: 2879, due: 2880 },
      { random: 0.999, quiet: 3239, due: 3240 },
    ])('renews in the background in the last fifth, spread by jitter ($random)', async ({ random, quiet, due }) => {
      const scene = new Scene();
      scene.random = random;
      await scene.obtain();
      scene.pass(quiet);
      await scene.obtain();
      expect(scene.issued).toBe(1);
      scene.pass(due - quiet);
      expect(await scene.obtain()).toMatchObject({ accessToken: 't1', source: 'kept' });
      await settled();
      expect(await scene.obtain()).toMatchObject({ accessToken: 't2', source: 'kept' });
      expect(scene.issued).toBe(2);
      expect(scene.events).toContainEqual({ type: 'refresh', outcome: 'renewed' });
    });

    it('starts one renewal however many ask', async () => {
      const scene = new Scene();
      await scene.obtain();
      scene.pass(3000);
      const flight = pending();
      for (let i = 0; i < 20; i += 1) scene.cache.reuse('key', ANY, flight.fetch);
      expect(flight.calls()).toBe(1);
      flight.resolve(scene.token('new'));
    });

    it('retries a failed renewal with growing waits and serves the kept token until it expires', async () => {
      const scene = new Scene();
      await scene.obtain();
      scene.failure = serverError('down');
      let tries = 0;
      const fetch: FetchToken = (offer) => {
        tries += 1;
        return scene.fetch(offer);
      };
      scene.pass(2880);
      const triesAt: number[] = [];
      for (let second = 2880; second < HOUR - 60; second += 1) {
        const before = tries;
        expect((await scene.obtain({}, 'key', fetch)).accessToken).toBe('t1');
        await settled();
        if (tries > before) triesAt.push(second);
        scene.pass(1);
      }
      const waits = triesAt.slice(1).map((second, i) => second - (triesAt[i] ?? 0));
      expect(waits.slice(0, 7)).toEqual([1, 2, 4, 8, 16, 32, 60]);
      expect(Math.max(...waits)).toBe(60);
      expect(scene.events).toContainEqual({ type: 'refresh', outcome: 'failed' });
    });

    it('waits up to half as long again before a retry, at random', async () => {
      const scene = new Scene();
      await scene.obtain();
      scene.random = 0.5;
      scene.failure = serverError('down');
      scene.pass(3000);
      await scene.obtain();
      await settled();
      scene.failure = undefined;
      scene.pass(1.249);
      await scene.obtain();
      await settled();
      expect(scene.issued).toBe(1);
      scene.pass(0.001);
      await scene.obtain();
      await settled();
      expect(scene.issued).toBe(2);
    });
  });

  describe('fallback', () => {
    it.each([
      ['server_error', serverError('down')],
      ['timeout', gatewayTimeout('slow')],
      ['unavailable', temporarilyUnavailable('busy', 1)],
      ['throttled', tooManyRequests('busy', 1)],
      ['broken', serverError('broken', 500)],
    ])('serves a token that is still valid when no new one can be had: %s', async (_name, failure) => {
      const scene = new Scene();
      await scene.obtain();
      scene.failure = failure;
      scene.pass(HOUR - 30);
      expect(await scene.obtain()).toMatchObject({ accessToken: 't1', source: 'fallback' });
      expect((await scene.obtain({ forceRefresh: true })).text).toContain('"expires_in":30,');
      scene.pass(29);
      expect((await scene.obtain()).text).toContain('"expires_in":1,');
      scene.pass(0.5);
      await expect(scene.obtain()).rejects.toBe(failure);
    });

    it('is not used for credentials that were refused', async () => {
      const scene = new Scene();
      await scene.obtain();
      scene.failure = invalidRequest('refused');
      await expect(scene.obtain({ forceRefresh: true })).rejects.toBe(scene.failure);
    });
  });

  describe('with tokens of other instances', () => {
    it('serves a found token with the life that it has left, and keeps it', async () => {
      const scene = new Scene();
      const { shared } = foundToken(scene.token('theirs'), 600_000);
      expect(await scene.obtain({}, 'key', () => Promise.resolve(shared))).toMatchObject({
        accessToken: 'theirs',
        source: 'shared_store',
        remaining: 3000,
      });
      expect(await scene.obtain()).toMatchObject({ accessToken: 'theirs', source: 'kept', remaining: 3000 });
    });

    it('serves a token that was just put there as a fetched one', async () => {
      const scene = new Scene();
      const { shared, forget } = foundToken(scene.token('own'), 0, false);
      expect(await scene.obtain({}, 'key', () => Promise.resolve(shared))).toMatchObject({ source: 'fetched' });
      scene.cache.drop('own');
      expect(forget).toHaveBeenCalledTimes(1);
    });

    it.each<[string, Partial<ReuseTerms>, number, boolean]>([
      ['any', {}, 0, true],
      ['one in its last minute', {}, 3_540_000, false],
      ['one with just enough life', { minFresh: 3000 }, 600_000, true],
      ['one with too little life', { minFresh: 3000 }, 600_001, false],
      ['one that is too old', { maxAge: 600 }, 600_000, false],
      ['one from before a new one was demanded', { forceRefresh: true }, 1, false],
      ['one from just then', { forceRefresh: true }, 0, true],
    ])('judges by the terms of the client whether a found token will do: %s', async (_name, terms, ageMs, expected) => {
      const scene = new Scene();
      const { shared } = foundToken(scene.token('theirs'), ageMs);
      let verdict: boolean | undefined;
      await scene.obtain(terms, 'key', (accept) => {
        verdict = accept(shared);
        return scene.fetch(accept);
      });
      expect(verdict).toBe(expected);
    });

    it('falls back to a found token that did not do', async () => {
      const scene = new Scene();
      const { shared } = foundToken(scene.token('theirs'));
      const answer = await scene.obtain({ minFresh: 4000 }, 'key', (accept) => {
        accept(shared);
        return Promise.reject(serverError('down'));
      });
      expect(answer).toMatchObject({ accessToken: 'theirs', source: 'fallback' });
    });

    it('neither accepts nor keeps a found token that was dropped here, and forgets it there', async () => {
      const scene = new Scene();
      await scene.obtain();
      scene.cache.drop('t1');
      const { shared, forget } = foundToken(scene.token('t1'));
      let verdict: boolean | undefined;
      await scene.obtain({}, 'key', (accept) => {
        verdict = accept(shared);
        return scene.fetch(accept);
      });
      expect([verdict, forget.mock.calls.length]).toEqual([false, 1]);
      expect((await scene.obtain()).accessToken).toBe('t2');
    });

    it.each([
      ['t1', 0],
      ['older', 3_000_000],
    ])('keeps the entry of a token that it finds again, and of one that lives longer: %s', async (name, ageMs) => {
      const scene = new Scene();
      await scene.obtain();
      scene.pass(3000);
      const verdicts: boolean[] = [];
      scene.cache.reuse('key', ANY, (accept) => {
        verdicts.push(accept(foundToken(scene.token(name), ageMs).shared));
        return Promise.reject(serverError('down'));
      });
      await settled();
      expect(verdicts).toEqual([false]);
      expect(await scene.obtain()).toMatchObject({ accessToken: 't1', remaining: 600 });
    });

    it.each<[string, number, number, boolean]>([
      ['has the same life', HOUR, 2_880_000, false],
      ['has a little more', HOUR, 2_879_000, true],
      ['has more', HOUR, 600_000, true],
      ['has the same life, although it is not due', 720, 0, false],
      ['has less, although it is not due', 600, 0, false],
      ['has more, but is due itself', 10 * HOUR, 35_000_000, false],
    ])(
      'renews in the background with a found token only if that helps: one that %s',
      async (_name, lifetime, ageMs, helps) => {
        const scene = new Scene();
        await scene.obtain();
        scene.pass(2880);
        scene.lifetime = lifetime;
        const { shared } = foundToken(scene.token('found'), ageMs);
        const verdicts: boolean[] = [];
        scene.cache.reuse('key', ANY, (accept) => {
          verdicts.push(accept(shared));
          return Promise.reject(serverError('down'));
        });
        await settled();
        expect(verdicts).toEqual([helps]);
        if (helps) expect(await scene.obtain()).toMatchObject({ accessToken: 'found', source: 'kept' });
      },
    );

    it('begins the life of a token anew that the authorization server hands out again', async () => {
      const scene = new Scene();
      const fetch = () => Promise.resolve(scene.token('same'));
      await scene.obtain({}, 'key', fetch);
      scene.pass(100);
      await scene.obtain({ forceRefresh: true }, 'key', fetch);
      expect(await scene.obtain()).toMatchObject({ accessToken: 'same', remaining: HOUR });
    });

    it('starts another flight for a client that demands more than the found token has', async () => {
      const scene = new Scene();
      const { shared } = foundToken(scene.token('theirs'), 600_000);
      const first = scene.obtain({}, 'key', () => Promise.resolve(shared));
      const content = scene.obtain({ minFresh: 3000 });
      const demanding = scene.obtain({ minFresh: 3001 });
      expect(
        (await Promise.all([first, content, demanding])).map(({ accessToken, source }) => [accessToken, source]),
      ).toEqual([
        ['theirs', 'shared_store'],
        ['theirs', 'shared_store'],
        ['t1', 'fetched'],
      ]);
    });

    it('adopts a token without fetching one', async () => {
      const scene = new Scene();
      const entry = { key: 'key', pair: undefined };
      expect(await scene.cache.adopt(entry, ANY, () => Promise.resolve(undefined))).toBeUndefined();
      const { shared } = foundToken(scene.token('theirs'), 600_000);
      const find = (accept: (found: SharedToken) => boolean) => Promise.resolve(accept(shared) ? shared : undefined);
      expect(await scene.cache.adopt(entry, { ...ANY, minFresh: 3001 }, find)).toBeUndefined();
      expect(await scene.cache.adopt(entry, ANY, find)).toMatchObject({
        accessToken: 'theirs',
        source: 'shared_store',
      });
      scene.cache.drop('theirs');
      expect(await scene.cache.adopt(entry, ANY, () => Promise.resolve(shared))).toBeUndefined();
    });
  });

  describe('drop', () => {
    it('drops exactly that token', async () => {
      const scene = new Scene();
      await scene.obtain();
      await scene.obtain({}, 'other');
      scene.cache.drop('t1');
      expect((await scene.obtain()).accessToken).toBe('t3');
      expect((await scene.obtain({}, 'other')).accessToken).toBe('t2');
      scene.cache.drop('t1');
      expect((await scene.obtain()).accessToken).toBe('t3');
    });

    it('does not let a flight bring a dropped token back', async () => {
      const scene = new Scene();
      await scene.obtain();
      const flight = pending();
      const answer = scene.obtain({ forceRefresh: true }, 'key', flight.fetch);
      scene.cache.drop('t1');
      flight.resolve(scene.token('t1'));
      await answer;
      expect((await scene.obtain()).accessToken).toBe('t2');
    });

    it('drops a token that is kept under several keys under all of them', async () => {
      const scene = new Scene();
      for (const key of ['a', 'b', 'c']) await scene.obtain({}, key, () => Promise.resolve(scene.token('same')));
      await scene.obtain({ forceRefresh: true }, 'b');
      expect(scene.cache.drop('same')).toBe(true);
      expect(scene.cache.entries).toBe(1);
      expect((await scene.obtain({}, 'b')).accessToken).toBe('t1');
    });

    it('reports that a token was not kept', async () => {
      const scene = new Scene();
      await scene.obtain();
      await scene.obtain({ forceRefresh: true });
      expect(['made up', '', 't1'].map((token) => scene.cache.drop(token))).toEqual([false, false, false]);
      expect(scene.cache.drop('t2')).toBe(true);
      expect(scene.cache.drop('t2')).toBe(false);
    });
  });

  describe('bounds', () => {
    it('keeps no more than maxEntries, the most recently used', async () => {
      const scene = new Scene(3);
      for (const key of ['a', 'b', 'c']) await scene.obtain({}, key);
      await scene.obtain({}, 'a');
      await scene.obtain({}, 'd');
      expect(scene.cache.entries).toBe(3);
      expect(scene.cache.reuse('b', ANY, scene.fetch)).toBeUndefined();
      expect(scene.cache.reuse('a', ANY, scene.fetch)?.accessToken).toBe('t1');
      expect(scene.events.filter(({ type }) => type === 'evicted')).toHaveLength(1);
    });

    it('keeps 64 MiB at most, and a token of 64 KiB as any other', async () => {
      const scene = new Scene(10_000);
      const keep = (i: number) => scene.obtain({}, `key ${i}`, () => Promise.resolve(scene.token('x'.repeat(65_000))));
      for (let i = 0; i < 500; i += 1) await keep(i);
      // Each has three copies of the token: the response, the response with the remaining seconds, and the token
      // itself.
      expect(scene.cache.entries).toBeGreaterThan(320);
      expect(scene.cache.entries).toBeLessThan(344);
    });

    it('leaves nine tenths of the entries to others when one pair has very many scopes', async () => {
      const scene = new Scene(1000);
      for (let i = 0; i < 500; i += 1) await scene.obtain({}, `other ${i}`);
      for (let i = 0; i < 1100; i += 1) await scene.obtain({}, `scope ${i}`, scene.fetch, 'greedy');
      expect(scene.cache.entries).toBe(600);
      expect(scene.cache.reuse('other 0', ANY, scene.fetch)).toBeDefined();
      expect(scene.cache.reuse('scope 1099', ANY, scene.fetch)).toBeDefined();
      expect(scene.cache.reuse('scope 999', ANY, scene.fetch)).toBeUndefined();
      expect(scene.events.filter(({ type }) => type === 'evicted')).toHaveLength(1000);
    });

    it('leaves nine tenths of the bytes to others as well', async () => {
      const scene = new Scene(10_000);
      for (let i = 0; i < 100; i += 1) {
        await scene.obtain({}, `scope ${i}`, () => Promise.resolve(scene.token('x'.repeat(65_000))), 'greedy');
      }
      expect(scene.cache.entries).toBeGreaterThan(25);
      expect(scene.cache.entries).toBeLessThan(35);
    });

    it('removes four expired entries for each one that is added', async () => {
      const scene = new Scene();
      for (let i = 0; i < 10; i += 1) await scene.obtain({}, `old ${i}`);
      scene.pass(HOUR);
      await scene.obtain({}, 'new');
      expect(scene.cache.entries).toBe(7);
    });

    it('knows how many bytes it keeps', async () => {
      const scene = new Scene();
      await scene.obtain();
      const one = scene.cache.bytes;
      expect(one).toBeGreaterThan(1024);
      await scene.obtain({}, 'other');
      expect(scene.cache.bytes).toBe(2 * one);
    });

    it('removes expired entries as others are added', async () => {
      const scene = new Scene();
      for (let i = 0; i < 40; i += 1) await scene.obtain({}, `old ${i}`);
      scene.pass(HOUR + 1);
      for (let i = 0; i < 20; i += 1) await scene.obtain({}, `new ${i}`);
      expect(scene.cache.entries).toBe(20);
    });
  });

  it('never serves an expired token, another key’s, a failure, or more than one flight a key', async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('ask' as const),
        key: fc.constantFrom('a', 'b', 'c'),
        forceRefresh: fc.boolean(),
        minFresh: fc.constantFrom(0, 0, 50),
        maxAge: fc.constantFrom(Infinity, 60),
      }),
      fc.record({ do: fc.constant('pass' as const), seconds: fc.double({ min: 0, max: 200, noNaN: true }) }),
      fc.record({ do: fc.constant('settle' as const), ok: fc.boolean(), lifetime: fc.integer({ min: -1, max: 700 }) }),
      fc.record({ do: fc.constant('drop' as const), key: fc.constantFrom('a', 'b', 'c') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const scene = new Scene(2);
        const expiry = new Map<string, number>();
        const flights: { key: string; end: (ok: boolean, lifetime: number) => void }[] = [];
        const newest = new Map<string, string>();
        /** Tokens that were given to clients who demanded a new one. */
        const demanded = new Set<string>();
        let serial = 0;
        const fetchFor =
          (key: string): FetchToken =>
          () => {
            expect(flights.filter((flight) => flight.key === key)).toHaveLength(0);
            return new Promise((resolve, reject) => {
              const flight = {
                key,
                end: (ok: boolean, lifetime: number) => {
                  flights.splice(flights.indexOf(flight), 1);
                  if (!ok) {
                    reject(serverError('down'));
                    return;
                  }
                  serial += 1;
                  const name = `${key}${serial}`;
                  scene.lifetime = lifetime;
                  expiry.set(name, scene.now + lifetime * 1000);
                  newest.set(key, name);
                  resolve(scene.token(name));
                },
              };
              flights.push(flight);
            });
          };
        const asked: Promise<void>[] = [];
        for (const one of steps) {
          if (one.do === 'pass') scene.pass(one.seconds);
          else if (one.do === 'drop') scene.cache.drop(newest.get(one.key) ?? '');
          else if (one.do === 'settle') flights[0]?.end(one.ok, one.lifetime);
          else {
            const answer = scene.obtain(one, one.key, fetchFor(one.key)).then(
              ({ accessToken, source, text }) => {
                expect(accessToken.startsWith(one.key)).toBe(true);
                if (source === 'fetched' || source === 'shared_flight') {
                  if (one.forceRefresh) demanded.add(accessToken);
                  return;
                }
                const remaining = Number(/"expires_in":(-?\d+)/.exec(text)?.[1]);
                expect(remaining).toBeGreaterThan(0);
                expect(scene.now + remaining * 1000).toBeLessThanOrEqual((expiry.get(accessToken) ?? 0) + 1e-3);
                // Nobody could be asked for a new one.
                if (source === 'fallback') return;
                if (one.forceRefresh) expect(demanded).toContain(accessToken);
              },
              (error: unknown) => {
                expect(error).toMatchObject({ status: 502 });
              },
            );
            asked.push(answer);
          }
          await settled();
        }
        while (flights.length > 0) flights[0]?.end(true, 600);
        await Promise.all(asked);
      }),
      { numRuns: 300 },
    );
  });
});
