import { type AuthorityEvent } from '../authority-observer.js';
import { OAuthError } from '../errors/oauth-error.js';
import { serverError, tooManyRequests } from '../errors/oauth-errors.js';
import { CredentialHolds, type HeldRequest } from './credential-holds.js';

const REQUEST: HeldRequest = { pair: 'pair', key: 'pair scope', client: 'client' };

const refusal = (error = 'invalid_client') =>
  new OAuthError({ error, status: 400, description: 'refused', relayedBody: `{"error":"${error}"}` });

const START_MS = 1_000_000;

class Scene {
  now = START_MS;
  forwards: number[] = [];
  outcome: OAuthError | 'token' = refusal();
  readonly events: AuthorityEvent[] = [];
  readonly holds = new CredentialHolds(
    () => this.now,
    (event) => this.events.push(event),
  );

  /** What a client gets: `token`, or the error with its Retry-After. */
  async ask(request = REQUEST): Promise<string> {
    try {
      return await this.holds.forward(request, () => {
        this.forwards.push((this.now - START_MS) / 1000);
        return this.outcome === 'token' ? Promise.resolve('token') : Promise.reject(this.outcome);
      });
    } catch (error) {
      return error instanceof OAuthError ? `${error.status} ${error.error} ${error.retryAfter ?? '-'}` : String(error);
    }
  }

  pass(seconds: number): void {
    this.now += seconds * 1000;
  }
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
});
