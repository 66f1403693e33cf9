import { HttpService } from '@nestjs/axios';
import { type AuthorityEvent } from '../authority-observer.js';
import {
  AuthorizationServerClient,
  type UpstreamTokenRequest,
} from '../authorization-server/authorization-server.client.js';
import { IssuedToken } from '../authorization-server/issued-token.js';
import { TokenEndpoint } from '../authorization-server/token-endpoint.js';
import { type CellsAuthorityOptions, completeOptions } from '../cells-authority.options.js';
import { OAuthError } from '../errors/oauth-error.js';
import { serverError } from '../errors/oauth-errors.js';
import { RedisAccess } from '../shared-store/redis-access.js';
import { SharedForward } from '../shared-store/shared-forward.js';
import { type GuessCount } from '../shared-store/shared-guesses.js';
import { SharedKeys } from '../shared-store/shared-keys.js';
import { SharedSessions } from '../shared-store/shared-sessions.js';
import { type SharedStore } from '../shared-store/shared-store.js';
import { SharedToken } from '../shared-store/shared-token.js';
import { type AcceptToken } from '../shared-store/shared-tokens.js';
import { CacheKeys } from './cache-keys.js';
import { CredentialHolds } from './credential-holds.js';
import { GuessLimits, type GuessSubject } from './guess-limits.js';
import { type ReuseTerms, TokenCache } from './token-cache.js';
import { type AuthorityRequest, TokenAuthority } from './token-authority.js';

const ANY: ReuseTerms = { maxAge: Infinity, minFresh: 0, forceRefresh: false };
const ADDRESS = '192.0.2.1';
const TIMEOUT_MS = 8000;

function tokenNamed(name: string): IssuedToken {
  const token = IssuedToken.parse(`{"access_token":"${name}","token_type":"Bearer","expires_in":3600}`);
  if (token === undefined) throw new Error('no token response');
  return token;
}

function refusal(error = 'invalid_client'): OAuthError {
  return new OAuthError({ error, status: 400, description: 'refused' });
}

/** A store that other instances have filled: the test says with what. */
class StoreOfOthers implements SharedStore {
  readonly available = true;
  readonly state = 'available';
  readonly forgotten: string[] = [];
  readonly deadlines: number[] = [];
  readonly calls: string[] = [];
  readonly counted: (readonly GuessSubject[])[] = [];
  token: string | undefined;
  counts: readonly GuessCount[] | undefined;
  readonly #access = new RedisAccess(
    () => 0,
    () => undefined,
  );
  readonly #keys = [new SharedKeys('x'.repeat(32))] as const;
  readonly sessions = new SharedSessions(this.#access, this.#keys);

  open(...[{ credentials }, deadline]: Parameters<SharedStore['open']>): ReturnType<SharedStore['open']> {
    this.deadlines.push(deadline);
    const find = (accept: AcceptToken) => {
      const token = this.token;
      if (token === undefined) return Promise.resolve(undefined);
      const found = new SharedToken(tokenNamed(token), 0, true, this.#access, 'key', Buffer.alloc(32));
      return Promise.resolve(accept(found) ? found : undefined);
    };
    const subject = { credentials, pairFields: [], requestFields: [] };
    return {
      tokens: {
        find: (accept) => {
          this.calls.push('find');
          return find(accept);
        },
        obtain: async (accept, send) => {
          this.calls.push('obtain');
          return (await find(accept)) ?? send();
        },
      },
      forward: new SharedForward(this.#access, this.#access.newPatience(), this.#keys, subject, () => 0, 0),
      readGuesses: () => {
        this.calls.push('readGuesses');
        return Promise.resolve(this.counts);
      },
      countGuess: (subjects) => this.counted.push(subjects),
    };
  }

  forget(accessToken: string): void {
    this.forgotten.push(accessToken);
  }

  onApplicationShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

class Scene {
  now = 1_000_000;
  readonly events: AuthorityEvent[] = [];
  readonly asked: (UpstreamTokenRequest & { readonly deadline: number })[] = [];
  outcome: (request: UpstreamTokenRequest) => Promise<IssuedToken> = () =>
    Promise.resolve(tokenNamed(`t${this.asked.length}`));
  readonly authority: TokenAuthority;
  readonly keys: CacheKeys;

  constructor(settings: CellsAuthorityOptions = {}, shared?: SharedStore) {
    const options = completeOptions({ upstreamTimeoutMs: TIMEOUT_MS, ...settings });
    const clock = () => this.now;
    const observe = (event: AuthorityEvent) => this.events.push(event);
    const endpoint = new TokenEndpoint(new HttpService(), options);
    const server = new AuthorizationServerClient(endpoint, options, clock, observe);
    jest.spyOn(server, 'requestToken').mockImplementation((request, deadline) => {
      this.asked.push({ ...request, deadline });
      return this.outcome(request);
    });
    jest.spyOn(server, 'waiting', 'get').mockReturnValue(7);
    this.keys = new CacheKeys(options);
    this.authority = new TokenAuthority(
      options,
      this.keys,
      new TokenCache(options, clock, () => 0, observe),
      new CredentialHolds(clock, observe),
      new GuessLimits(clock, observe),
      shared,
      server,
      clock,
      observe,
    );
  }

  /** `token source`, or the status and the error. */
  async ask(request: Partial<AuthorityRequest> & { secret?: string } = {}, terms = ANY): Promise<string> {
    const { secret = 'secret', ...others } = request;
    const credentials = { clientId: 'client', clientSecret: secret };
    try {
      const answer = await this.authority.obtain(
        { credentials, scope: undefined, clientAddress: undefined, ...others },
        terms,
      );
      return `${answer.accessToken} ${answer.source}`;
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return `${error.status} ${error.error}`;
    }
  }

  /** Refused guesses at the secret, each with another one. */
  async guess(
    times: number,
    from: Pick<AuthorityRequest, 'clientAddress'> = { clientAddress: ADDRESS },
  ): Promise<string[]> {
    this.outcome = () => Promise.reject(refusal());
    const answers: string[] = [];
    for (let i = 0; i < times; i += 1) {
      answers.push(await this.ask({ ...from, secret: `guess ${this.asked.length} ${i}` }));
    }
    return answers;
  }
}

const settled = () => new Promise(setImmediate);

describe('TokenAuthority', () => {
  it('fetches a token, and answers with the kept one at once from then on', async () => {
    const scene = new Scene();
    expect(await scene.ask()).toBe('t1 fetched');
    const credentials = { clientId: 'client', clientSecret: 'secret' };
    const request = { credentials, scope: undefined, clientAddress: undefined };
    expect(scene.authority.obtain(request, ANY)).toMatchObject({ accessToken: 't1', source: 'kept' });
    expect(scene.asked).toHaveLength(1);
    expect(scene.events).toEqual([
      { type: 'token_served', source: 'fetched' },
      { type: 'token_served', source: 'kept' },
    ]);
  });

  it('forwards every request when tokens are not kept', async () => {
    const scene = new Scene({ tokenCache: 'off' });
    expect([await scene.ask(), await scene.ask()]).toEqual(['t1 fetched', 't2 fetched']);
    expect(scene.authority.numbers).toMatchObject({ keptTokens: 0, keptBytes: 0 });
    expect(scene.authority.invalidate('t1')).toBe(false);
    expect(scene.asked[1]?.deadline).toBe(scene.now + TIMEOUT_MS);
    expect(scene.events.at(-1)).toEqual({ type: 'token_served', source: 'fetched' });
  });

  it.each(['memory', 'off'] as const)(
    'slows an address that guesses, and no other (tokenCache %s)',
    async (tokenCache) => {
      const scene = new Scene({ tokenCache });
      expect(new Set(await scene.guess(10))).toEqual(new Set(['400 invalid_client']));
      scene.outcome = () => Promise.resolve(tokenNamed('right'));
      expect(await scene.ask({ clientAddress: ADDRESS })).toBe('429 temporarily_unavailable');
      expect(scene.asked).toHaveLength(10);
      expect(await scene.ask({ clientAddress: '192.0.2.2' })).toBe('right fetched');
    },
  );

  it('says from which network a request comes, by which client and pair, and until when it has time', async () => {
    const scene = new Scene();
    await scene.ask({ clientAddress: '2001:db8:1:2::3', scope: 'cells' });
    await scene.ask();
    const client = scene.keys.fingerprint('client');
    const pair = scene.keys.pair({ clientId: 'client', clientSecret: 'secret' });
    const deadline = scene.now + TIMEOUT_MS;
    expect(scene.asked).toMatchObject([
      { origin: '2001:db8:1::/48', scope: 'cells', client, pair, deadline },
      { origin: 'application', scope: undefined, client, pair, deadline },
    ]);
    expect(scene.authority.fingerprint('client')).toBe(client);
  });

  it('counts as guesses only refused credentials that came over HTTP', async () => {
    const scene = new Scene();
    await scene.guess(20, { clientAddress: undefined });
    for (const failure of [refusal('invalid_scope'), serverError('down'), new Error('broken')]) {
      scene.outcome = () => Promise.reject(failure);
      for (let i = 0; i < 10; i += 1) {
        await scene.ask({ clientAddress: ADDRESS, secret: `${failure.message} ${i}` }).catch(() => undefined);
      }
    }
    scene.outcome = () => Promise.resolve(tokenNamed('right'));
    expect(await scene.ask({ clientAddress: ADDRESS })).toBe('right fetched');
  });

  it('does not count the repetition of a wrong pair, which a hold answers', async () => {
    const scene = new Scene();
    scene.outcome = () => Promise.reject(refusal());
    for (let i = 0; i < 50; i += 1) await scene.ask({ clientAddress: ADDRESS, secret: 'wrong' });
    expect(scene.asked).toHaveLength(1);
    expect(scene.authority.numbers.heldCredentials).toBe(1);
    scene.outcome = () => Promise.resolve(tokenNamed('right'));
    expect(await scene.ask({ clientAddress: ADDRESS })).toBe('right fetched');
  });

  it('answers a held pair at once while its address waits for a place', async () => {
    const scene = new Scene();
    await scene.guess(1);
    const ends: ((error: Error) => void)[] = [];
    scene.outcome = () => new Promise((_, reject) => ends.push(reject));
    const waiting = Array.from({ length: 12 }, (_, i) => scene.ask({ clientAddress: ADDRESS, secret: `other ${i}` }));
    await settled();
    expect(ends).toHaveLength(9);
    expect(await scene.ask({ clientAddress: ADDRESS, secret: 'guess 0 0' })).toBe('400 invalid_client');
    for (const end of ends) end(refusal());
    expect((await Promise.all(waiting)).filter((answer) => answer === '429 temporarily_unavailable')).toHaveLength(3);
  });

  it('serves a slowed address a kept token that it wants newer or fresher', async () => {
    const scene = new Scene();
    await scene.ask();
    await scene.guess(10);
    scene.now += 90_000;
    const from = { clientAddress: ADDRESS };
    for (const terms of [{ maxAge: 60 }, { minFresh: 3600 }, { forceRefresh: true }]) {
      expect(await scene.ask(from, { ...ANY, ...terms })).toBe('t1 fallback');
    }
    expect(scene.asked).toHaveLength(11);
    scene.now += 3_600_000;
    expect(await scene.ask(from)).not.toContain('t1');
  });

  it('still serves a client whose request shares the flight of a slowed one', async () => {
    const scene = new Scene();
    const ends: ((error: Error) => void)[] = [];
    scene.outcome = () => new Promise((_, reject) => ends.push(reject));
    const guesses = Array.from({ length: 10 }, (_, i) => scene.ask({ clientAddress: ADDRESS, secret: `guess ${i}` }));
    const slowed = scene.ask({ clientAddress: ADDRESS });
    const sharing = scene.ask({ clientAddress: '192.0.2.2' });
    await settled();
    scene.outcome = () => Promise.resolve(tokenNamed('right'));
    for (const end of ends) end(refusal());
    await Promise.all(guesses);
    expect([await slowed, await sharing]).toEqual(['429 temporarily_unavailable', 'right fetched']);
  });

  it('lets one pair with many scopes fill only its share of the cache', async () => {
    const scene = new Scene({ tokenCacheMaxEntries: 100 });
    for (let i = 0; i < 20; i += 1) await scene.ask({ scope: `scope ${i}` });
    expect(scene.authority.numbers.keptTokens).toBe(10);
    for (let i = 0; i < 20; i += 1) await scene.ask({ secret: `secret ${i}` });
    expect(scene.authority.numbers.keptTokens).toBe(30);
  });

  it('has numbers for metrics', async () => {
    const scene = new Scene();
    await scene.ask();
    const { keptBytes, ...others } = scene.authority.numbers;
    expect(others).toEqual({ keptTokens: 1, heldCredentials: 0, waitingRequests: 7, sharedStore: undefined });
    expect(keptBytes).toBeGreaterThan(0);
    expect(new Scene({}, new StoreOfOthers()).authority.numbers.sharedStore).toBe('available');
  });

  it('drops a token that is kept here, and has the shared store look for any other', async () => {
    const shared = new StoreOfOthers();
    const scene = new Scene({}, shared);
    await scene.ask();
    expect([scene.authority.invalidate('t1'), scene.authority.invalidate('t1')]).toEqual([true, false]);
    expect(shared.forgotten).toEqual(['t1']);
    expect(await scene.ask()).toBe('t2 fetched');
    expect(new Scene().authority.invalidate('t1')).toBe(false);
  });

  it('renews a kept token in the background', async () => {
    const scene = new Scene();
    await scene.ask();
    scene.now += 3_000_000;
    expect(await scene.ask()).toBe('t1 kept');
    await settled();
    expect(await scene.ask()).toBe('t2 kept');
  });

  describe('with other instances', () => {
    it('takes the token that one of them fetched', async () => {
      const shared = new StoreOfOthers();
      shared.token = 'theirs';
      const scene = new Scene({}, shared);
      expect(await scene.ask({ clientAddress: ADDRESS })).toBe('theirs shared_store');
      expect([scene.asked.length, shared.deadlines]).toEqual([0, [scene.now + TIMEOUT_MS]]);
    });

    it('serves a slowed address such a token, and only that', async () => {
      const shared = new StoreOfOthers();
      const scene = new Scene({}, shared);
      await scene.guess(10);
      expect(await scene.ask({ clientAddress: ADDRESS })).toBe('429 temporarily_unavailable');
      shared.token = 'theirs';
      expect(await scene.ask({ clientAddress: ADDRESS })).toBe('theirs shared_store');
      expect([scene.asked.length, shared.deadlines.at(-1)]).toEqual([10, scene.now + TIMEOUT_MS]);
    });

    it('only looks for a token of a held pair, and repeats the held answer when there is none', async () => {
      const shared = new StoreOfOthers();
      const scene = new Scene({}, shared);
      scene.outcome = () => Promise.reject(refusal());
      await scene.ask();
      expect(await scene.ask()).toBe('400 invalid_client');
      expect(shared.calls).toEqual(['obtain', 'find']);
      shared.token = 'theirs';
      expect(await scene.ask()).toBe('theirs shared_store');
      expect(scene.asked).toHaveLength(1);
    });

    it('slows an address by what all of them counted', async () => {
      const shared = new StoreOfOthers();
      const scene = new Scene({}, shared);
      shared.counts = [
        { failures: 3, lifeMs: 60_000 },
        { failures: 10, lifeMs: 60_000 },
      ];
      expect(await scene.ask({ clientAddress: ADDRESS })).toBe('429 temporarily_unavailable');
      expect(scene.asked).toEqual([]);
      scene.now += 60_000;
      shared.counts = [
        { failures: 99, lifeMs: 60_000 },
        { failures: 9, lifeMs: 60_000 },
      ];
      expect(await scene.ask({ clientAddress: ADDRESS })).toBe('t1 fetched');
    });

    it('tells them of refused guesses, and of nothing else', async () => {
      const shared = new StoreOfOthers();
      const scene = new Scene({}, shared);
      await scene.ask({ clientAddress: ADDRESS });
      await scene.guess(1, { clientAddress: undefined });
      expect([shared.counted, shared.calls]).toEqual([[], ['obtain', 'readGuesses', 'obtain']]);
      await scene.guess(1);
      expect(shared.counted).toEqual([
        [
          expect.objectContaining({ network: ADDRESS, ofClient: false, limit: 100 }),
          expect.objectContaining({ network: ADDRESS, ofClient: true, limit: 10 }),
        ],
      ]);
    });
  });
});
