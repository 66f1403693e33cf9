import { type AuthorityEvent } from '../authority-observer.js';
import { RedisAccess } from './redis-access.js';
import { type RedisCommands } from './redis-commands.js';

const never = () => new Promise<never>(() => undefined);

/** A connected Redis that only answers pings, and only when told to. */
class SilentRedis implements RedisCommands {
  readonly ready = true;
  pings = 0;
  answersPings = false;
  readonly get = never;
  readonly set = never;
  readonly run = never;
  readonly disconnect = () => undefined;

  async ping(): Promise<void> {
    this.pings += 1;
    if (!this.answersPings) await never();
  }
}

describe('RedisAccess', () => {
  let now: number;
  let redis: SilentRedis;
  let access: RedisAccess;
  let events: AuthorityEvent[];

  const pass = async (ms: number) => {
    now += ms;
    await jest.advanceTimersByTimeAsync(ms);
    // An answer that arrived in time is read before Redis is bypassed.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  };
  const outcomes = () => events.flatMap((event) => (event.type === 'shared_store' ? [event.outcome] : []));

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    now = 1_000_000;
    events = [];
    redis = new SilentRedis();
    access = new RedisAccess(
      () => now,
      (event) => events.push(event),
    );
    access.use(redis);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('waits 50 ms for an answer and bypasses Redis from then on', async () => {
    const patience = access.newPatience();
    const answered = jest.fn();
    const asked = access.ask('read', patience, (commands) => commands.get('key')).then(answered);
    await pass(49);
    expect(answered).not.toHaveBeenCalled();
    await pass(1);
    await asked;

    expect(answered).toHaveBeenCalledWith(undefined);
    expect(patience.leftMs).toBe(0);
    expect(access.available).toBe(false);
    expect(await access.ask('read', access.newPatience(), (commands) => commands.get('key'))).toBeUndefined();
    expect(outcomes()).toEqual(['no_answer', 'unavailable', 'bypassed']);
  });

  it('has one time limit for all commands of a request', async () => {
    const patience = access.newPatience();
    const first = access.ask('read', patience, async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return 'answer';
    });
    await pass(30);
    expect(await first).toBe('answer');
    expect(patience.leftMs).toBe(20);

    const answered = jest.fn();
    const second = access.ask('read', patience, never).then(answered);
    await pass(20);
    await second;
    expect(answered).toHaveBeenCalledWith(undefined);
  });

  it('asks after half a second, and then less and less often, whether Redis is back', async () => {
    const asked = access.ask('read', access.newPatience(), never);
    await pass(50);
    await asked;
    await pass(499);
    expect(redis.pings).toBe(0);
    await pass(1);
    expect(redis.pings).toBe(1);

    redis.answersPings = true;
    await pass(50 + 999);
    expect(access.available).toBe(false);
    await pass(1);
    expect(redis.pings).toBe(2);
    expect(access.available).toBe(true);
  });
});
