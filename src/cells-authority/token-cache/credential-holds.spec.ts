import { type AuthorityEvent } from '../authority-observer.js';
import { OAuthError } from '../errors/oauth-error.js';
import { serverError, tooManyRequests } from '../errors/oauth-errors.js';
import { RedisAccess } from '../shared-store/redis-access.js';
import { SharedForward, type SharedCount, type SharedHold } from '../shared-store/shared-forward.js';
import { SharedKeys } from '../shared-store/shared-keys.js';
import { CredentialHolds, type HeldRequest, isAboutRequest, isRefusal } from './credential-holds.js';

const REQUEST: HeldRequest = { pair: 'pair', key: 'pair scope', client: 'client' };

const refusal = (error = 'invalid_client') =>
  new OAuthError({ error, status: 400, description: 'refused', relayedBody: `{"error":"${error}"}` });

const START_MS = 1_000_000;

class Scene {
  now = START_MS;
  forwards: number[] = [];
  outcome: Error | 'token' = refusal();
  readonly events: AuthorityEvent[] = [];
  readonly holds = new CredentialHolds(
    () => this.now,
    (event) => this.events.push(event),
  );

  /** What a client gets: `token`, or the error with its Retry-After. */
  async ask(request = REQUEST, shared?: SharedForward): Promise<string> {
    try {
      return await this.holds.forward(
        request,
        () => {
          this.forwards.push((this.now - START_MS) / 1000);
          return this.outcome === 'token' ? Promise.resolve('token') : Promise.reject(this.outcome);
        },
        shared,
      );
    } catch (error) {
      return error instanceof OAuthError ? `${error.status} ${error.error} ${error.retryAfter ?? '-'}` : String(error);
    }
  }

  pass(seconds: number): void {
    this.now += seconds * 1000;
  }
}

/** What other instances say of the pair, and what they are told, one line each. */
function otherInstances(verdict: SharedHold | SharedCount | undefined): { shared: SharedForward; told: string[] } {
  const access = new RedisAccess(
    () => 0,
    () => undefined,
  );
  const subject = { credentials: { clientId: 'i', clientSecret: 's' }, pairFields: [], requestFields: [] };
  const keys = [new SharedKeys('x')];
  const shared = new SharedForward(access, access.newPatience(), keys, subject, () => 0, 0);
  const told: string[] = [];
  jest.spyOn(shared, 'admit').mockImplementation((allowed) => {
    told.push(`admit ${allowed}`);
    return Promise.resolve(verdict);
  });
  jest.spyOn(shared, 'release').mockImplementation(() => void told.push('release'));
  jest.spyOn(shared, 'refused').mockImplementation((...[of, , ms]) => void told.push(`refused ${of} ${ms}`));
  jest.spyOn(shared, 'throttled').mockImplementation((...[, ms]) => void told.push(`throttled ${ms}`));
  return { shared, told };
}

describe('CredentialHolds', () => {
  it('forwards a failing pair at most 4 times in any 600 s, with growing holds', async () => {
    const scene = new Scene();
    for (let second = 0; second < 3600; second += 1) {
      await scene.ask();
      scene.pass(1);
    }
    expect(scene.forwards.slice(0, 5)).toEqual([0, 5, 35, 155, 600]);
    for (const at of scene.forwards) {
      expect(scene.forwards.filter((other) => other >= at && other < at + 600).length).toBeLessThanOrEqual(4);
    }
  });

  it('repeats the last answer meanwhile, with the remaining Retry-After', async () => {
    const scene = new Scene();
    expect(await scene.ask()).toBe('400 invalid_client -');
    expect(await scene.ask()).toBe('400 invalid_client 5');
    scene.pass(3.2);
    expect(await scene.ask()).toBe('400 invalid_client 2');
    expect(scene.forwards).toHaveLength(1);
    expect(scene.events.at(-1)).toEqual({ type: 'answered_from_hold', reason: 'refused', client: 'client' });
  });

  it('notices at the next forward that a pair has begun to work, and still counts its refusals', async () => {
    const scene = new Scene();
    await scene.ask();
    scene.outcome = 'token';
    expect(await scene.ask()).toBe('400 invalid_client 5');
    scene.pass(5);
    expect(await scene.ask()).toBe('token');
    scene.outcome = refusal();
    await scene.ask();
    expect(await scene.ask()).toBe('400 invalid_client 30');
  });

  it('runs as many requests of a working pair at once as may still be refused', async () => {
    const scene = new Scene();
    scene.outcome = 'token';
    await scene.ask();
    let underWay = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const asked = Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        scene.holds.forward({ ...REQUEST, key: `scope ${i}` }, async () => {
          most = Math.max(most, (underWay += 1));
          await new Promise<void>((resolve) => ends.push(resolve));
          underWay -= 1;
          if (i === 1) throw refusal('invalid_scope');
        }),
      ),
    );
    for (let i = 0; i < 20; i += 1) {
      await new Promise(setImmediate);
      if (i === 2) most = 0;
      ends.shift()?.();
    }
    const failed = (await asked).filter(({ status }) => status === 'rejected');
    expect([failed.length, most]).toEqual([1, 3]);
  });

  it('holds the pair for as long as 4 refusals of its scopes count', async () => {
    const scene = new Scene();
    scene.outcome = refusal('invalid_scope');
    for (let i = 0; i < 4; i += 1) await scene.ask({ ...REQUEST, key: `scope ${i}` });
    scene.outcome = 'token';
    scene.pass(599.5);
    expect(await scene.ask()).toBe('429 temporarily_unavailable 1');
    expect(scene.forwards).toHaveLength(4);
    scene.pass(0.5);
    expect(await scene.ask()).toBe('token');
  });

  it('keeps the last of 4 refusals for requests that were not refused themselves', async () => {
    const scene = new Scene();
    scene.outcome = refusal('invalid_scope');
    for (const key of ['a', 'b', 'c']) await scene.ask({ ...REQUEST, key });
    scene.pass(100);
    expect(await scene.ask({ ...REQUEST, key: 'a' })).toBe('400 invalid_scope 500');
    scene.outcome = 'token';
    expect(await scene.ask({ ...REQUEST, key: 'd' })).toBe('token');
  });

  it('turns requests away when 1,000 of the pair wait', async () => {
    const scene = new Scene();
    scene.outcome = refusal();
    const asked = Array.from({ length: 1010 }, () => scene.ask());
    expect((await Promise.all(asked)).filter((answer) => answer === '503 temporarily_unavailable 1')).toHaveLength(9);
    expect(scene.events).toContainEqual({ type: 'not_forwarded', reason: 'too_many_waiting' });
  });

  it('holds a throttled pair for as long as upstream said', async () => {
    const scene = new Scene();
    scene.outcome = tooManyRequests('throttled', 600);
    await scene.ask();
    scene.pass(599);
    expect(await scene.ask()).toBe('429 temporarily_unavailable 1');
    expect(scene.forwards).toHaveLength(1);
    scene.pass(1);
    scene.outcome = 'token';
    expect(await scene.ask()).toBe('token');
  });

  it('does not hold a pair because upstream is down', async () => {
    const scene = new Scene();
    scene.outcome = serverError('down');
    await scene.ask();
    await scene.ask();
    expect(scene.forwards).toHaveLength(2);
  });

  it('holds a refused scope without holding the pair', async () => {
    const scene = new Scene();
    scene.outcome = refusal('invalid_scope');
    await scene.ask();
    expect(await scene.ask()).toBe('400 invalid_scope 5');
    scene.outcome = 'token';
    expect(await scene.ask({ ...REQUEST, key: 'pair other scope' })).toBe('token');
  });

  it('leaves other pairs alone', async () => {
    const scene = new Scene();
    await scene.ask();
    scene.outcome = 'token';
    expect(await scene.ask({ pair: 'other', key: 'other', client: 'client' })).toBe('token');
  });

  it('tries a pair that is not known to work with one request at a time', async () => {
    const scene = new Scene();
    const requests = Array.from({ length: 30 }, (_, i) => scene.ask({ ...REQUEST, key: `scope ${i}` }));
    expect(new Set(await Promise.all(requests))).toEqual(new Set(['400 invalid_client -', '400 invalid_client 5']));
    expect(scene.forwards).toHaveLength(1);
  });

  it('lets all go once the trial has shown that the pair works', async () => {
    const scene = new Scene();
    scene.outcome = 'token';
    await Promise.all(Array.from({ length: 30 }, () => scene.ask()));
    expect(scene.forwards).toHaveLength(30);
  });

  it('does not hold other requests because of one request’s scope', async () => {
    const scene = new Scene();
    scene.outcome = refusal('invalid_scope');
    const bad = scene.ask({ ...REQUEST, key: 'bad scope' });
    const good = scene.holds.forward({ ...REQUEST, key: 'good scope' }, () => Promise.resolve('token'));
    expect([await bad, await good]).toEqual(['400 invalid_scope -', 'token']);
  });

  it('repeats only the error code when the body was too long to be kept', async () => {
    const scene = new Scene();
    const relayedBody = JSON.stringify({ error: 'invalid_client', error_description: '.'.repeat(2048) });
    scene.outcome = new OAuthError({ error: 'invalid_client', status: 400, description: 'refused', relayedBody });
    await scene.ask();
    const held = await scene.holds.forward(REQUEST, () => Promise.resolve()).catch((error: unknown) => error);
    expect((held as OAuthError).body).toBe(
      '{"error":"invalid_client","error_description":"refused","message":"refused"}',
    );
  });

  it('reports what it holds, for how long and why', async () => {
    const scene = new Scene();
    await scene.ask();
    scene.outcome = tooManyRequests('throttled', 60);
    await scene.ask({ pair: 'other', key: 'other', client: 'other client' });
    await scene.ask({ pair: 'other', key: 'other', client: 'other client' });
    expect(scene.events).toEqual([
      { type: 'held', reason: 'refused', seconds: 5, client: 'client' },
      { type: 'held', reason: 'throttled', seconds: 60, client: 'other client' },
      { type: 'answered_from_hold', reason: 'throttled', client: 'other client' },
    ]);
    expect(scene.holds.held).toBe(2);
  });

  it('knows whether a request would be answered from a hold', async () => {
    const scene = new Scene();
    expect(scene.holds.isHeld(REQUEST)).toBe(false);
    scene.outcome = refusal('invalid_scope');
    await scene.ask();
    const otherScope = { ...REQUEST, key: 'pair other scope' };
    expect([scene.holds.isHeld(REQUEST), scene.holds.isHeld(otherScope)]).toEqual([true, false]);
    scene.pass(5);
    expect(scene.holds.isHeld(REQUEST)).toBe(false);
    scene.outcome = refusal();
    await scene.ask(otherScope);
    expect([scene.holds.isHeld(REQUEST), scene.holds.isHeld(otherScope)]).toEqual([true, true]);
  });

  it('answers those who wait when the requests before them used up the refusals of the pair', async () => {
    const scene = new Scene();
    scene.outcome = 'token';
    await scene.ask();
    scene.outcome = refusal('invalid_scope');
    const asked = Array.from({ length: 6 }, (_, i) => scene.ask({ ...REQUEST, key: `scope ${i}` }));
    expect((await Promise.all(asked)).slice(4)).toEqual([
      '429 temporarily_unavailable 600',
      '429 temporarily_unavailable 600',
    ]);
    expect(scene.forwards).toHaveLength(1 + 4);
  });

  it('tries a pair alone again when it last worked 600 s ago', async () => {
    for (const [seconds, atOnce] of [
      [599.999, 4],
      [600, 1],
    ] as const) {
      const scene = new Scene();
      scene.outcome = 'token';
      await scene.ask();
      scene.pass(seconds);
      let started = 0;
      const send = () => {
        started += 1;
        return new Promise<never>(() => undefined);
      };
      for (let i = 0; i < 10; i += 1) void scene.holds.forward(REQUEST, send);
      await new Promise(setImmediate);
      expect(started).toBe(atOnce);
    }
  });

  it.each<[number, string, boolean, boolean]>([
    [400, 'invalid_client', true, false],
    [401, 'unauthorized_client', true, false],
    [499, 'invalid_client', true, false],
    [400, 'invalid_scope', true, true],
    [400, 'invalid_request', true, true],
    [400, 'unsupported_grant_type', true, true],
    [400, 'invalid_target', true, true],
    [399, 'invalid_scope', false, false],
    [429, 'invalid_scope', false, false],
    [500, 'invalid_scope', false, false],
  ])('takes %d %s for a refusal: %p, of the request alone: %p', (status, error, refused, aboutRequest) => {
    const answer = new OAuthError({ error, status, description: 'refused' });
    expect([isRefusal(answer), isAboutRequest(answer)]).toEqual([refused, aboutRequest]);
  });

  it('does not wait for a place after an error that is no answer', async () => {
    const scene = new Scene();
    scene.outcome = new Error('broken');
    expect([await scene.ask(), await scene.ask()]).toEqual(['Error: broken', 'Error: broken']);
  });

  describe('with other instances', () => {
    it.each<[string, Error | 'token', string]>([
      ['a token', 'token', 'release'],
      ['a refusal', refusal(), 'refused pair 5000'],
      ['a refused scope', refusal('invalid_scope'), 'refused request 5000'],
      ['a 429', tooManyRequests('throttled', 60), 'throttled 60000'],
      ['a 5xx', serverError('down'), 'release'],
      ['any other error', new Error('broken'), 'release'],
    ])('asks them for a place and tells them of %s', async (_name, outcome, expected) => {
      const scene = new Scene();
      scene.outcome = outcome;
      const { shared, told } = otherInstances(undefined);
      await scene.ask(REQUEST, shared);
      expect(told).toEqual(['admit 4', expected]);
    });

    it('takes part in the last refusal only with a request that was not refused itself', async () => {
      const scene = new Scene();
      scene.outcome = refusal('invalid_scope');
      const { shared, told } = otherInstances(undefined);
      await scene.ask(REQUEST, shared);
      scene.pass(5);
      scene.outcome = 'token';
      await scene.ask({ ...REQUEST, key: 'pair other scope' }, shared);
      await scene.ask(REQUEST, shared);
      expect(told.filter((line) => line.startsWith('admit'))).toEqual(['admit 4', 'admit 4', 'admit 3']);
    });

    it('repeats the answer of a hold that another one set, and holds the pair as well', async () => {
      const scene = new Scene();
      const { shared, told } = otherInstances({ of: 'pair', answer: refusal(), lifeMs: 7000 });
      expect(await scene.ask(REQUEST, shared)).toBe('400 invalid_client 7');
      expect(await scene.ask({ ...REQUEST, key: 'pair other scope' })).toBe('400 invalid_client 7');
      expect([scene.forwards, told]).toEqual([[], ['admit 4']]);
      scene.outcome = 'token';
      scene.pass(7);
      expect(await scene.ask()).toBe('token');
    });

    it('holds a single request that another one holds, and counts its refusal', async () => {
      const scene = new Scene();
      const { shared } = otherInstances({ of: 'request', answer: undefined, lifeMs: 0.5 });
      expect(await scene.ask(REQUEST, shared)).toBe('429 temporarily_unavailable 1');
      expect(scene.events).toEqual([{ type: 'answered_from_hold', reason: 'throttled', client: 'client' }]);
      scene.outcome = 'token';
      expect(await scene.ask({ ...REQUEST, key: 'pair other scope' })).toBe('token');
      scene.pass(0.001);
      const later = otherInstances(undefined);
      expect(await scene.ask(REQUEST, later.shared)).toBe('token');
      expect(later.told).toEqual(['admit 3', 'release']);
    });

    it('does not count the refusals of a pair twice that another one holds', async () => {
      const scene = new Scene();
      const { shared } = otherInstances({ of: 'pair', answer: refusal(), lifeMs: 1000 });
      for (let i = 0; i < 5; i += 1) {
        await scene.ask(REQUEST, shared);
        scene.pass(1);
      }
      scene.outcome = 'token';
      expect(await scene.ask()).toBe('token');
    });

    it.each([
      [{ refusals: 0, firstCountsMs: 0 }, 5000],
      [{ refusals: 1, firstCountsMs: 500_000 }, 30_000],
      [{ refusals: 2, firstCountsMs: 500_000 }, 120_000],
      [{ refusals: 3, firstCountsMs: 500_000 }, 500_000],
      [{ refusals: 3, firstCountsMs: 200_000 }, 300_000],
    ])('holds a refused pair for as long as all refusals together ask for: %j, %d ms', async (counts, holdMs) => {
      const scene = new Scene();
      const { shared, told } = otherInstances(counts);
      await scene.ask(REQUEST, shared);
      expect(told.at(-1)).toBe(`refused pair ${holdMs}`);
      expect(await scene.ask()).toBe(`400 invalid_client ${holdMs / 1000}`);
    });
  });
});
