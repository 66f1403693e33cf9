import { type AuthorityEvent } from '../authority-observer.js';
import { RedisAccess } from './redis-access.js';
import { ForeignType, type RedisCommands, RedisRefusal } from './redis-commands.js';

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

  it('spends patience on a missing answer and not on a refusal, while it waits for another instance', async () => {
    const patience = access.newPatience();
    const refused = (): Promise<string> => Promise.reject(new RedisRefusal());
    expect(await access.askFreely('lock', patience, refused)).toBeUndefined();
    expect(patience.leftMs).toBe(50);
    const asked = access.askFreely<string>('lock', patience, never);
    await pass(50);
    expect(await asked).toBeUndefined();
    expect(patience.leftMs).toBe(0);
    expect(outcomes()).toEqual(['refused', 'no_answer', 'unavailable']);
  });

  it('reports that a connection is there, once', () => {
    access.signal('ready');
    access.signal('ready');
    expect(events).toEqual([{ type: 'shared_store', operation: 'connection', outcome: 'available' }]);
  });

  it('goes without a command when it has never been connected, or is closed', async () => {
    const unconnected = new RedisAccess(
      () => now,
      (event) => events.push(event),
    );
    const command = jest.fn((): Promise<string> => never());
    unconnected.send('write', command);
    expect(await unconnected.ask('read', unconnected.newPatience(), command)).toBeUndefined();
    await access.close();
    access.send('write', command);
    expect(await access.ask('read', access.newPatience(), command)).toBeUndefined();
    expect(command).not.toHaveBeenCalled();
    expect(outcomes()).toEqual(['bypassed', 'bypassed', 'bypassed', 'bypassed']);
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

  it('asks again after 10 s at most, for as long as Redis is away', async () => {
    const asked = access.ask('read', access.newPatience(), never);
    await pass(50);
    await asked;
    for (const wait of [500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
      const before = redis.pings;
      await pass(wait - 1);
      expect(redis.pings).toBe(before);
      await pass(1);
      expect(redis.pings).toBe(before + 1);
      await pass(50);
    }
    await access.close();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('has no use for Redis before there is a connection, nor without patience', async () => {
    const unused = new RedisAccess(
      () => now,
      (event) => events.push(event),
    );
    expect([unused.available, unused.state]).toEqual([false, 'connecting']);
    expect(await unused.ask('read', unused.newPatience(), () => Promise.resolve(1))).toBeUndefined();
    unused.send('write', () => Promise.resolve(1));
    const patience = access.newPatience();
    patience.spend(50);
    expect(await access.ask('count', patience, () => Promise.resolve(1))).toBeUndefined();
    expect(events).toEqual([
      { type: 'shared_store', operation: 'read', outcome: 'bypassed' },
      { type: 'shared_store', operation: 'write', outcome: 'bypassed' },
      { type: 'shared_store', operation: 'count', outcome: 'bypassed' },
    ]);
    await unused.close();
  });

  it('reports how long an answer took, and spends patience only where it waits for Redis itself', async () => {
    const answer = async () => {
      now += 20;
      await Promise.resolve();
      return 'answer';
    };
    const patience = access.newPatience();
    expect(await access.askFreely('lock', patience, answer)).toBe('answer');
    expect(patience.leftMs).toBe(50);
    expect(await access.ask('lock', patience, answer)).toBe('answer');
    expect(patience.leftMs).toBe(30);
    expect(events).toEqual([
      { type: 'shared_store_answer', durationMs: 20 },
      { type: 'shared_store_answer', durationMs: 20 },
    ]);
  });

  it('goes on using a Redis that refuses a command, or has a key of another type, which it deletes', async () => {
    const run = jest.spyOn(redis, 'run');
    expect(
      await access.ask('write', access.newPatience(), () => Promise.reject<string>(new RedisRefusal())),
    ).toBeUndefined();
    expect(run).not.toHaveBeenCalled();
    const foreign = new ForeignType(['key']);
    expect(await access.ask('read', access.newPatience(), () => Promise.reject<string>(foreign))).toBeUndefined();
    expect(run).toHaveBeenCalledWith(expect.stringContaining('DEL'), ['key'], []);
    access.send('write', () => Promise.reject(new RedisRefusal()));
    access.send('write', () => Promise.resolve(1));
    await pass(0);
    expect(outcomes()).toEqual(['refused', 'tampered', 'refused', 'done']);
    expect(access.available).toBe(true);
    await pass(200);
  });

  it('bypasses a Redis whose connection is lost while it is asked, or told something in the background', async () => {
    for (const lose of [
      () => access.ask('read', access.newPatience(), () => Promise.reject(new Error('lost'))),
      async () => {
        access.send('write', () => Promise.reject(new Error('lost')));
        await pass(0);
      },
    ]) {
      await lose();
      await pass(0);
      expect([access.available, access.state]).toEqual([false, 'no_answer']);
      access.signal('ready');
      expect([access.available, access.state]).toEqual([true, 'available']);
    }
    expect(jest.getTimerCount()).toBe(0);
  });

  it('reports each reason once a minute at most, and every return', () => {
    const seen = () => {
      const told = events.flatMap((event) =>
        event.type === 'shared_store' ? [`${event.operation} ${event.reason ?? event.outcome}`] : [],
      );
      events.length = 0;
      return told;
    };
    access.signal('unreachable');
    access.signal('unreachable');
    expect([seen(), access.state]).toEqual([['connection unreachable'], 'unreachable']);
    access.signal('password');
    access.signal('unreachable');
    expect([seen(), access.state]).toEqual([['connection password'], 'unreachable']);
    access.signal('ready');
    access.signal('ready');
    expect(seen()).toEqual(['connection available']);
    now += 59_999;
    access.signal('unreachable');
    access.signal('ready');
    expect(seen()).toEqual([]);
    now += 1;
    access.signal('unreachable');
    expect(seen()).toEqual(['connection unreachable']);
  });

  it('waits a moment for what was sent in the background, then ends the connection for good', async () => {
    const disconnect = jest.fn();
    const ending: RedisCommands = { ready: true, get: never, set: never, run: never, ping: never, disconnect };
    access.use(ending);
    access.send('write', never);
    const closed = access.close();
    await pass(199);
    expect(disconnect).not.toHaveBeenCalled();
    await pass(1);
    await closed;
    expect(disconnect).toHaveBeenCalledTimes(1);
    access.signal('ready');
    expect([access.available, access.state, outcomes()]).toEqual([false, 'connecting', []]);
  });

  it('ends the connection at once when nothing is under way', async () => {
    const disconnect = jest.fn();
    access.use({ ready: true, get: never, set: never, run: never, ping: never, disconnect });
    access.send('write', () => Promise.resolve(1));
    await pass(0);
    await access.close();
    expect(disconnect).toHaveBeenCalledTimes(1);
  });
});
