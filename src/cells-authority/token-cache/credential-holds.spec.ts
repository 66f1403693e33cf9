import { type AuthorityEvent } from '../authority-observer.js';
import { OAuthError } from '../errors/oauth-error.js';
import { serverError, tooManyRequests } from '../errors/oauth-errors.js';
import { CredentialHolds, type HeldRequest } from './credential-holds.js';

const REQUEST: HeldRequest = { pair: 'pair', key: 'pair scope', client: 'client' };

const refusal = (error = 'invalid_client') =>
  new OAuthError({ error, status: 400, description: 'refused', relayedBody: `{"error":"${error}"}` });

class Scene {
  now = 0;
  forwards: number[] = [];
  outcome: OAuthError | 'token' = refusal();
  readonly events: AuthorityEvent[] = [];
  readonly holds = new CredentialHolds(
    () => this.now,
    (event) => this.events.push(event),
    1000,
  );

  /** What a client gets: `token`, or the error with its Retry-After. */
  async ask(request = REQUEST): Promise<string> {
    try {
      return await this.holds.forward(request, () => {
        this.forwards.push(this.now / 1000);
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

  it('repeats the last answer meanwhile, with the Retry-After that remains', async () => {
    const scene = new Scene();
    expect(await scene.ask()).toBe('400 invalid_client -');
    expect(await scene.ask()).toBe('400 invalid_client 5');
    scene.pass(3.2);
    expect(await scene.ask()).toBe('400 invalid_client 2');
    expect(scene.forwards).toHaveLength(1);
    expect(scene.events.at(-1)).toEqual({ type: 'answered_from_hold', reason: 'refused', client: 'client' });
  });

  it('notices at the next forward that a pair has begun to work, and forgets its failures', async () => {
    const scene = new Scene();
    await scene.ask();
    scene.outcome = 'token';
    expect(await scene.ask()).toBe('400 invalid_client 5');
    scene.pass(5);
    expect(await scene.ask()).toBe('token');
    scene.outcome = refusal();
    await scene.ask();
    expect(await scene.ask()).toBe('400 invalid_client 5');
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

  it('tries a pair that is not known to work by one request at a time', async () => {
    const scene = new Scene();
    const requests = Array.from({ length: 30 }, (_, i) => scene.ask({ ...REQUEST, key: `scope ${i}` }));
    expect(new Set(await Promise.all(requests))).toEqual(new Set(['400 invalid_client -']));
    expect(scene.forwards).toHaveLength(1);
  });

  it('lets all go once the trial has shown that the pair works', async () => {
    const scene = new Scene();
    scene.outcome = 'token';
    await Promise.all(Array.from({ length: 30 }, () => scene.ask()));
    expect(scene.forwards).toHaveLength(30);
  });

  it('does not make one request’s scope everybody’s failure', async () => {
    const scene = new Scene();
    scene.outcome = refusal('invalid_scope');
    const bad = scene.ask({ ...REQUEST, key: 'bad scope' });
    const good = scene.holds.forward({ ...REQUEST, key: 'good scope' }, () => Promise.resolve('token'));
    expect([await bad, await good]).toEqual(['400 invalid_scope -', 'token']);
  });

  it('is bounded', async () => {
    const scene = new Scene();
    for (let i = 0; i < 3000; i += 1) await scene.ask({ pair: `p${i}`, key: `k${i}`, client: 'client' });
    expect(scene.holds.held).toBe(1000);
  });
});
