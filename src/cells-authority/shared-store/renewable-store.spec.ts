import { type AuthorityEvent, type AuthorityObserver } from '../authority-observer.js';
import { type RedisAccessOptions, RenewableStore } from './renewable-store.js';
import { type SharedStore } from './shared-store.js';

interface Opened {
  readonly store: SharedStore;
  readonly calls: string[];
  readonly report: AuthorityObserver;
}

describe('RenewableStore', () => {
  let opened: Opened[];
  let events: AuthorityEvent[];
  let renewable: RenewableStore;

  const options = (redisUrl: string): RedisAccessOptions => ({ redisUrl, tokenCacheSecret: 'x' });
  const open = ({ redisUrl }: RedisAccessOptions, report: AuthorityObserver): SharedStore => {
    if (redisUrl === 'bad') throw new Error('bad');
    const calls: string[] = [];
    const store = {
      available: redisUrl === 'redis://1',
      state: redisUrl === 'redis://1' ? 'available' : 'connecting',
      sessions: redisUrl,
      open: () => redisUrl,
      forget: (token: string) => calls.push(`forget ${token}`),
      onApplicationShutdown: () => Promise.resolve(calls.push('shutdown')),
    } as unknown as SharedStore;
    opened.push({ store, calls, report });
    return store;
  };

  beforeEach(() => {
    jest.useFakeTimers();
    opened = [];
    events = [];
    renewable = new RenewableStore(options('redis://1'), open, (event) => events.push(event));
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const seen = () => [
    renewable.available,
    renewable.state,
    renewable.sessions,
    renewable.open({ credentials: { clientId: 'i', clientSecret: 's' }, scope: undefined }, 0),
  ];

  it('is the store that was opened last', () => {
    expect(seen()).toEqual([true, 'available', 'redis://1', 'redis://1']);
    renewable.renew(options('redis://2'));
    expect(seen()).toEqual([false, 'connecting', 'redis://2', 'redis://2']);
    renewable.forget('token');
    expect(opened.map(({ calls }) => calls)).toEqual([[], ['forget token']]);
  });

  it('stays what it is when the new options cannot be used, and reports on', () => {
    expect(() => {
      renewable.renew(options('bad'));
    }).toThrow('bad');
    expect(seen()).toEqual([true, 'available', 'redis://1', 'redis://1']);
    opened[0]?.report({ type: 'evicted' });
    expect(events).toHaveLength(1);
  });

  it('reports only what the current store does', () => {
    renewable.renew(options('redis://2'));
    for (const { report } of opened) report({ type: 'evicted' });
    expect(events).toHaveLength(1);
  });

  it('closes the one before after a minute, or when the service stops', async () => {
    renewable.renew(options('redis://2'));
    jest.advanceTimersByTime(59_999);
    expect(opened[0]?.calls).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(opened[0]?.calls).toEqual(['shutdown']);
    renewable.renew(options('redis://3'));
    await renewable.onApplicationShutdown();
    expect(opened.map(({ calls }) => calls)).toEqual([['shutdown'], ['shutdown'], ['shutdown']]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
