import { setTimeout as delay } from 'node:timers/promises';
import { allDone, openAccess } from '../../../test/support/redis-access.js';
import { describeWithRedis, RedisServer } from '../../../test/support/redis-server.js';
import { type AuthorityEvent } from '../authority-observer.js';
import { IssuedToken } from '../authorization-server/issued-token.js';
import { completeOptions } from '../cells-authority.options.js';
import { invalidRequest } from '../errors/oauth-errors.js';
import { type GuessSubject } from '../token-cache/guess-limits.js';
import { RedisAccess } from './redis-access.js';
import { SharedKeys } from './shared-keys.js';
import { RedisSharedStore, type SharedRequest } from './shared-store.js';
import { SharedToken } from './shared-token.js';
import { type AcceptToken } from './shared-tokens.js';

const SECRET = 'the-secret-of-the-shared-store-0001';
const OTHER_SECRET = 'the-secret-of-the-shared-store-0002';
const REQUEST: SharedRequest = { credentials: { clientId: 'client', clientSecret: 'secret' }, scope: undefined };
/** What its keys in Redis are made of. */
const FIELDS = ['token', completeOptions({}).upstreamTokenUrl, 'client', 'secret'];
const ANY: AcceptToken = () => true;

function tokenNamed(name: string, expiresIn: number | undefined = 3600): IssuedToken {
  const token = IssuedToken.parse(JSON.stringify({ access_token: name, token_type: 'Bearer', expires_in: expiresIn }));
  if (token === undefined) throw new Error('no token response');
  return token;
}

/** `name foundThere age`, the age in whole seconds; or the name alone of a token that is not shared. */
function told(token: IssuedToken | SharedToken | undefined): string {
  if (token === undefined) return 'none';
  if (token instanceof IssuedToken) return token.accessToken;
  return `${token.token.accessToken} ${token.foundThere ? 'found' : 'own'} ${Math.round(token.ageMs / 1000)}`;
}

describeWithRedis('The shared store', () => {
  let redis: RedisServer;
  let access: RedisAccess;
  let events: AuthorityEvent[] = [];
  /** Added to the wall clock. */
  let leadMs: number;

  beforeAll(async () => {
    redis = await RedisServer.start();
    access = await openAccess(redis.url, (event) => events.push(event));
  });
  beforeEach(async () => {
    await allDone(access);
    await redis.command('FLUSHALL');
    events = [];
    leadMs = 0;
  });
  afterAll(async () => {
    await access.close();
    await redis.kill();
  });

  const storeWith = (secrets = SECRET, upstreamTimeoutMs = 8000) => {
    const wallClock = () => Date.now() + leadMs;
    return new RedisSharedStore(
      access,
      secrets,
      completeOptions({ upstreamTimeoutMs }),
      () => performance.now(),
      wallClock,
    );
  };
  const flight = (secrets = SECRET, request = REQUEST, upstreamTimeoutMs = 8000) => {
    const deadline = performance.now() + upstreamTimeoutMs;
    const { tokens } = storeWith(secrets, upstreamTimeoutMs).open(request, deadline);
    return {
      find: tokens.find.bind(tokens),
      obtain: async (name: string, accept = ANY) =>
        told(await tokens.obtain(accept, () => Promise.resolve(tokenNamed(name)), deadline)),
      fetch: (fetch: () => Promise<IssuedToken>) => tokens.obtain(ANY, fetch, deadline).then(told),
    };
  };
  const keysLike = async (pattern: string) => {
    await allDone(access);
    return (await redis.command('KEYS', pattern)) as string[];
  };
  const outcomes = (operation: string) =>
    events.flatMap((event) => (event.type === 'shared_store' && event.operation === operation ? [event.outcome] : []));

  describe('of tokens', () => {
    it('has what another instance fetched, with its age, for its credentials and its scope only', async () => {
      expect(await flight().obtain('first')).toBe('first own 0');
      expect(await flight().obtain('second')).toBe('first found 0');
      expect(told(await flight().find(ANY))).toBe('first found 0');
      expect(outcomes('write')).toEqual(['done', 'done']);
      for (const request of [
        { ...REQUEST, scope: '' },
        { ...REQUEST, scope: 'cells' },
        { ...REQUEST, credentials: { clientId: 'client', clientSecret: 'other' } },
        { ...REQUEST, credentials: { clientId: 'other', clientSecret: 'secret' } },
      ]) {
        expect(told(await flight(SECRET, request).find(ANY))).toBe('none');
      }
      expect(outcomes('read')).toEqual(['miss', 'miss', 'hit', 'hit', 'miss', 'miss', 'miss', 'miss']);
    });

    it('keeps it for as long as it lives', async () => {
      await flight().obtain('first');
      const [key = ''] = await keysLike('ca:token:*');
      const [index = ''] = await keysLike('ca:issued:*');
      for (const name of [key, index]) {
        const lifeMs = Number(await redis.command('PTTL', name));
        expect(lifeMs).toBeGreaterThan(3_590_000);
        expect(lifeMs).toBeLessThanOrEqual(3_600_000);
      }
    });

    it('knows the age by the clock that says more', async () => {
      await flight().obtain('first');
      const [key = ''] = await keysLike('ca:token:*');
      leadMs = 100_000;
      expect(told(await flight().find(ANY))).toBe('first found 100');
      await redis.command('PEXPIRE', key, '3400000');
      expect(told(await flight().find(ANY))).toBe('first found 200');
      leadMs = -100_000;
      expect(told(await flight().find(ANY))).toBe('first found 200');
    });

    it('is asked for another token when the found one does not do, and then offers it no more', async () => {
      await flight().obtain('first');
      const offered: string[] = [];
      const accept = (found: SharedToken) => {
        offered.push(found.token.accessToken);
        return false;
      };
      expect(await flight().obtain('second', accept)).toBe('second own 0');
      expect(offered).toEqual(['first']);
      expect(told(await flight().find(ANY))).toBe('second found 0');
    });

    it('does not keep a token of unknown life', async () => {
      const token = tokenNamed('first', 0);
      expect(await flight().fetch(() => Promise.resolve(token))).toBe('first');
      expect(await keysLike('ca:token:*')).toEqual([]);
    });

    it.each<[string, (key: string, value: Buffer) => Promise<unknown>]>([
      ['nonsense', (key) => redis.command('SET', key, 'nonsense', 'PX', '60000')],
      ['a value without an end', (key) => redis.command('PERSIST', key)],
      ['a value that lives longer than its token', (key) => redis.command('PEXPIRE', key, '3603000')],
      [
        'a text without a time',
        (key) => redis.command('SET', key, new SharedKeys(SECRET).seal('x', key, 'secret'), 'PX', '60000'),
      ],
      [
        'a text that begins with something else',
        (key) => {
          const text = `x1 ${tokenNamed('first').text}`;
          return redis.command('SET', key, new SharedKeys(SECRET).seal(text, key, 'secret'), 'PX', '60000');
        },
      ],
      [
        'a text that is no token response',
        (key) => redis.command('SET', key, new SharedKeys(SECRET).seal('1 {}', key, 'secret'), 'PX', '60000'),
      ],
      [
        'a changed byte',
        (key, value) => {
          value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
          return redis.command('SET', key, value, 'PX', '60000');
        },
      ],
    ])('ignores, counts and deletes %s', async (_name, tamper) => {
      await flight().obtain('first');
      const [key = ''] = await keysLike('ca:token:*');
      const stored = await access.ask('read', access.newPatience(), (commands) => commands.get(key));
      await tamper(key, stored?.value ?? Buffer.alloc(0));
      events = [];
      expect(told(await flight().find(ANY))).toBe('none');
      expect(outcomes('read')).toEqual(['tampered', 'miss']);
      expect(await keysLike('ca:token:*')).toEqual([]);
    });

    it('accepts the two seconds that Redis may be off', async () => {
      await flight().obtain('first');
      const [key = ''] = await keysLike('ca:token:*');
      await redis.command('PEXPIRE', key, '3601500');
      expect(told(await flight().find(ANY))).toBe('first found 0');
    });

    it('deletes a key of another type, and nothing else', async () => {
      const key = new SharedKeys(SECRET).key('token', FIELDS);
      await redis.command('RPUSH', key, 'x');
      expect(told(await flight().find(ANY))).toBe('none');
      expect(outcomes('read')).toEqual(['tampered']);
      expect(await keysLike('*')).toEqual([]);
    });

    it('finds what is sealed under the previous secret, and seals it anew under the first', async () => {
      await flight().obtain('first');
      expect(told(await flight(`${OTHER_SECRET},${SECRET}`).find(ANY))).toBe('first found 0');
      await allDone(access);
      expect(told(await flight(OTHER_SECRET).find(ANY))).toBe('first found 0');
      expect(told(await flight('another secret').find(ANY))).toBe('none');
    });

    it('knows the age of what it has sealed anew, by both clocks', async () => {
      await flight().obtain('first');
      const [key = ''] = await keysLike('ca:token:*');
      await redis.command('PEXPIRE', key, '3400000');
      expect(told(await flight(`${OTHER_SECRET},${SECRET}`).find(ANY))).toBe('first found 200');
      await allDone(access);
      await redis.command('DEL', key);
      expect(told(await flight(OTHER_SECRET).find(ANY))).toBe('first found 200');
      const [anew = ''] = await keysLike('ca:token:*');
      await redis.command('PEXPIRE', anew, '3600000');
      expect(told(await flight(OTHER_SECRET).find(ANY))).toBe('first found 200');
    });

    it('forgets a token, wherever it is kept, and leaves no trace of an unknown one', async () => {
      await flight().obtain('first');
      await allDone(access);
      const store = storeWith(`${OTHER_SECRET},${SECRET}`);
      store.forget('unknown');
      await allDone(access);
      expect(await keysLike('ca:*')).toHaveLength(2);
      store.forget('first');
      await allDone(access);
      await allDone(access);
      expect(await keysLike('ca:*')).toEqual([]);
    });

    it('forgets the token of a flight', async () => {
      const { tokens } = storeWith().open(REQUEST, performance.now() + 8000);
      const first = await tokens.obtain(ANY, () => Promise.resolve(tokenNamed('first')), performance.now() + 8000);
      if (!(first instanceof SharedToken)) throw new Error('not shared');
      await allDone(access);
      first.forget();
      await allDone(access);
      expect(told(await flight().find(ANY))).toBe('none');
      expect(outcomes('delete')).toEqual(['done']);
    });

    it('forgets no newer token', async () => {
      const { tokens } = storeWith().open(REQUEST, performance.now() + 8000);
      const first = await tokens.obtain(ANY, () => Promise.resolve(tokenNamed('first')), performance.now() + 8000);
      if (!(first instanceof SharedToken)) throw new Error('not shared');
      await flight().obtain('second', () => false);
      storeWith().forget('first');
      first.forget();
      await allDone(access);
      await allDone(access);
      expect(told(await flight().find(ANY))).toBe('second found 0');
    });
  });

  describe('of one flight', () => {
    const lockKey = new SharedKeys(SECRET).key('lock', FIELDS);

    it('has one instance fetch while the others wait for its token', async () => {
      let fetched = 0;
      const fetch = async () => {
        fetched += 1;
        await delay(30);
        return tokenNamed(`t${fetched}`);
      };
      const answers = await Promise.all([1, 2, 3, 4].map(() => flight().fetch(fetch)));
      expect(answers.sort()).toEqual(['t1 found 0', 't1 found 0', 't1 found 0', 't1 own 0']);
      expect(await keysLike('ca:lock:*')).toEqual([]);
      expect(outcomes('lock')).toContain('taken');
    });

    it('reports what it did by operation', async () => {
      await flight().obtain('first');
      await allDone(access);
      expect([outcomes('lock'), outcomes('write')]).toEqual([
        ['acquired', 'done'],
        ['done', 'done'],
      ]);
    });

    it('lets the next one try when the fetch failed', async () => {
      await expect(flight().fetch(() => Promise.reject(new Error('down')))).rejects.toThrow('down');
      expect(await flight().obtain('second')).toBe('second own 0');
    });

    it('holds the lock for as long as the fetch takes, and no longer', async () => {
      let end = (): void => undefined;
      const slow = flight(SECRET, REQUEST, 4000).fetch(async () => {
        await new Promise<void>((resolve) => {
          end = resolve;
        });
        return tokenNamed('slow');
      });
      const life = async () => Number(await redis.command('PTTL', lockKey));
      while ((await life()) < 0) await allDone(access);
      expect(await life()).toBeLessThanOrEqual(1000);
      await redis.command('PEXPIRE', lockKey, '800');
      while ((await life()) <= 800) await delay(10);
      expect(await life()).toBeLessThanOrEqual(1000);
      end();
      expect(await slow).toBe('slow own 0');
      expect(await keysLike('ca:lock:*')).toEqual([]);
    });

    it('goes on when the instance that holds the lock has died', async () => {
      await redis.command('SET', lockKey, 'dead', 'PX', '2000');
      const second = flight().obtain('second');
      while (outcomes('lock').length === 0) await delay(1);
      expect(outcomes('lock')[0]).toBe('taken');
      await redis.command('PEXPIRE', lockKey, '1');
      expect(await second).toBe('second own 0');
    });

    it.each([[[]], [['PX', '60000']]])('takes over a lock that is not ours: %j', async (life: string[]) => {
      await redis.command('SET', lockKey, 'foreign', ...life);
      expect(await flight().obtain('first')).toBe('first own 0');
      await allDone(access);
      expect(outcomes('lock').slice(0, 2)).toEqual(['tampered', 'done']);
      expect(await keysLike('ca:lock:*')).toEqual([]);
    });

    it('does not release the lock of another instance', async () => {
      await flight().fetch(async () => {
        await redis.command('SET', lockKey, 'another', 'PX', '1000');
        return tokenNamed('first');
      });
      expect(await keysLike('ca:lock:*')).toEqual([lockKey]);
    });

    it('ends at the deadline', async () => {
      await redis.command('SET', lockKey, 'another', 'PX', '2000');
      await expect(flight(SECRET, REQUEST, 100).obtain('first')).rejects.toMatchObject({
        status: 504,
        description: 'Another instance did not get a token in time',
      });
    });

    it('goes on alone when Redis gives no answer', async () => {
      const bypassed = jest.spyOn(access, 'ask').mockResolvedValue(undefined);
      expect(await flight().obtain('first')).toBe('first own 0');
      bypassed.mockRestore();
      expect(outcomes('lock')).toEqual([]);
    });
  });

  describe('of counts', () => {
    const of = (network: string, ofClient = false): GuessSubject => ({ network, ofClient, limit: 10, key: network });
    const counter = (secrets = SECRET, request = REQUEST) => storeWith(secrets).open(request, performance.now() + 8000);
    const failures = async (subjects: GuessSubject[], ...parameters: Parameters<typeof counter>) =>
      (await counter(...parameters).readGuesses(subjects))?.map((count) => count.failures);

    it('adds up the refusals of a network, for all its clients and for each', async () => {
      for (let i = 0; i < 2; i += 1) counter().countGuess([of('a'), of('a', true)]);
      counter(SECRET, { ...REQUEST, credentials: { clientId: 'other', clientSecret: 's' } }).countGuess([
        of('a'),
        of('a', true),
      ]);
      expect(await failures([of('a'), of('a', true), of('b')])).toEqual([3, 2, 0]);
      const [count] = (await counter().readGuesses([of('a')])) ?? [];
      expect(count?.lifeMs).toBeGreaterThan(590_000);
      expect(count?.lifeMs).toBeLessThanOrEqual(600_000);
      expect(await counter().readGuesses([of('b')])).toEqual([{ failures: 0, lifeMs: 0 }]);
      expect(outcomes('count')).toEqual(['done', 'done', 'done', 'done', 'done', 'done']);
    });

    it('resets them 600 s after the first, and begins again where a value is not ours', async () => {
      counter().countGuess([of('a')]);
      const [key = ''] = await keysLike('ca:guesses:*');
      await redis.command('PEXPIRE', key, '5000');
      counter().countGuess([of('a')]);
      await allDone(access);
      expect(Number(await redis.command('PTTL', key))).toBeLessThanOrEqual(5000);
      expect(await failures([of('a')])).toEqual([2]);
      for (const tamper of [
        [key, 'x', 'PX', '5000'],
        [key, '7'],
      ]) {
        await redis.command('SET', ...tamper);
        counter().countGuess([of('a')]);
        expect(await failures([of('a')])).toEqual([1]);
      }
      await redis.command('SET', key, 'x', 'PX', '5000');
      expect(await failures([of('a')])).toEqual([0]);
    });

    it('counts under every secret while secrets rotate, and reads the highest', async () => {
      counter().countGuess([of('a')]);
      counter(`${OTHER_SECRET},${SECRET}`).countGuess([of('a')]);
      expect(await failures([of('a')], `${OTHER_SECRET},${SECRET}`)).toEqual([2]);
      expect(await failures([of('a')], OTHER_SECRET)).toEqual([1]);
      expect(await failures([of('a')], `${SECRET},${OTHER_SECRET}`)).toEqual([2]);
    });
  });

  describe('of sessions', () => {
    it('finds a session by its token only, for as long as it was kept', async () => {
      const { sessions } = storeWith();
      sessions.keep('token', 'text', 60_000);
      expect([await sessions.find('token'), await sessions.find('other')]).toEqual(['text', undefined]);
      expect(Number(await redis.command('PTTL', (await keysLike('ca:session:*'))[0] ?? ''))).toBeGreaterThan(50_000);
      expect(outcomes('read')).toEqual(['hit', 'miss']);
      expect(outcomes('write')).toEqual(['done']);
      sessions.forget('token');
      expect(await sessions.find('token')).toBeUndefined();
      expect(outcomes('delete')).toEqual(['done']);
    });

    it('seals it anew under the first secret, and forgets it under all', async () => {
      storeWith().sessions.keep('token', 'text', 60_000);
      const { sessions } = storeWith(`${OTHER_SECRET},${SECRET}`);
      expect(await sessions.find('token')).toBe('text');
      expect(await storeWith(OTHER_SECRET).sessions.find('token')).toBe('text');
      sessions.forget('token');
      expect(await keysLike('ca:session:*')).toEqual([]);
    });

    it.each<[string, (key: string) => Promise<unknown>]>([
      ['nonsense', (key) => redis.command('SET', key, 'nonsense', 'PX', '60000')],
      ['one without an end', (key) => redis.command('PERSIST', key)],
    ])('ignores, counts and deletes %s', async (_name, tamper) => {
      const { sessions } = storeWith();
      sessions.keep('token', 'text', 60_000);
      await tamper((await keysLike('ca:session:*'))[0] ?? '');
      events = [];
      expect(await sessions.find('token')).toBeUndefined();
      expect(outcomes('read')).toEqual(['tampered', 'miss']);
      expect(await keysLike('ca:session:*')).toEqual([]);
    });

    it('finds none when Redis gives no answer', async () => {
      const bypassed = jest.spyOn(access, 'ask').mockResolvedValue(undefined);
      expect(await storeWith().sessions.find('token')).toBeUndefined();
      bypassed.mockRestore();
    });
  });

  it('holds one pair and not another', async () => {
    const other = { ...REQUEST, credentials: { clientId: 'other', clientSecret: 'secret' } };
    const forward = (request: SharedRequest) => storeWith().open(request, performance.now() + 8000).forward;
    const refusedForward = forward(REQUEST);
    expect(await refusedForward.admit(4)).toMatchObject({ refusals: 0 });
    refusedForward.refused('pair', invalidRequest('refused'), 60_000);
    await allDone(access);
    expect(await forward(REQUEST).admit(4)).toMatchObject({ of: 'pair', answer: { description: 'refused' } });
    expect(await forward(other).admit(4)).toMatchObject({ refusals: 0 });
  });

  it('reports each operation that it goes without, by its name', async () => {
    const reported: string[] = [];
    const none = new RedisAccess(
      () => performance.now(),
      (event) => event.type === 'shared_store' && reported.push(`${event.operation} ${event.outcome}`),
    );
    const during = async (act: (store: RedisSharedStore) => unknown) => {
      reported.length = 0;
      const clock = () => performance.now();
      await act(new RedisSharedStore(none, SECRET, completeOptions({}), clock, Date.now));
      return [...reported];
    };
    const deadline = performance.now() + 8000;
    const forward = (store: RedisSharedStore) => store.open(REQUEST, deadline).forward;
    const subject: GuessSubject = { network: 'a', ofClient: false, limit: 10, key: 'a' };

    expect(await during(({ sessions }) => sessions.find('token'))).toEqual(['read bypassed']);
    expect(
      await during(({ sessions }) => {
        sessions.keep('token', 'text', 1000);
      }),
    ).toEqual(['write bypassed']);
    expect(
      await during(({ sessions }) => {
        sessions.forget('token');
      }),
    ).toEqual(['delete bypassed']);
    expect(
      await during((store) => {
        store.forget('token');
      }),
    ).toEqual(['read bypassed']);
    expect(await during((store) => store.compareSecrets())).toEqual(['read bypassed']);
    const fetch = () => Promise.resolve(tokenNamed('first'));
    expect(await during((store) => store.open(REQUEST, deadline).tokens.obtain(ANY, fetch, deadline))).toEqual([
      'read bypassed',
      'lock bypassed',
      'write bypassed',
      'write bypassed',
    ]);
    expect(await during((store) => store.open(REQUEST, deadline).readGuesses([subject]))).toEqual(['count bypassed']);
    expect(await during((store) => forward(store).admit(4))).toEqual(['count bypassed']);
    expect(
      await during((store) => {
        forward(store).release();
      }),
    ).toEqual(['count bypassed']);
  });

  describe('of markers of the secrets', () => {
    const compare = async (secrets: string) => {
      events = [];
      await storeWith(secrets).compareSecrets();
      await allDone(access);
      return outcomes('connection');
    };

    it('tells instances of one secret from those of another', async () => {
      expect(await compare(SECRET)).toEqual(['done']);
      expect(await compare(SECRET)).toEqual([]);
      expect(await compare(`${OTHER_SECRET},${SECRET}`)).toEqual(['done']);
      expect(await compare(OTHER_SECRET)).toEqual(['done']);
      expect((await compare(SECRET)).sort()).toEqual(['done', 'other_secret']);
    });

    it('keeps them for a week, and writes them again after half of it', async () => {
      await compare(SECRET);
      const lifeMs = async () => Number(await redis.command('PTTL', 'ca:secrets'));
      expect(await lifeMs()).toBeGreaterThan(6.9 * 86_400_000);
      await redis.command('PEXPIRE', 'ca:secrets', String(3.6 * 86_400_000));
      expect(await compare(SECRET)).toEqual([]);
      await redis.command('PEXPIRE', 'ca:secrets', String(3.4 * 86_400_000));
      expect(await compare(SECRET)).toEqual(['done']);
      expect(await lifeMs()).toBeGreaterThan(6.9 * 86_400_000);
    });

    it('compares nothing when Redis gives no answer', async () => {
      const bypassed = jest.spyOn(access, 'ask').mockResolvedValue(undefined);
      await storeWith().compareSecrets();
      bypassed.mockRestore();
      expect(await keysLike('ca:secrets')).toEqual([]);
    });
  });

  it('is as available as its connection', () => {
    expect([storeWith().available, storeWith().state]).toEqual([true, 'available']);
  });
});
