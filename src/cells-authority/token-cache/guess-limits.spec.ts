import { heapUsed } from '../../../test/support/heap.js';
import { OAuthError } from '../errors/oauth-error.js';
import { guesserAt, GuessLimits } from './guess-limits.js';

describe('GuessLimits', () => {
  let now: number;
  let limits: GuessLimits;
  let slowed: string[];
  let turnedAway: string[];

  beforeEach(() => {
    now = 1_000_000;
    slowed = [];
    turnedAway = [];
    limits = new GuessLimits(
      () => now,
      (event) => {
        if (event.type === 'guessing_slowed') slowed.push(`${event.scope} ${event.client} ${event.network}`);
        if (event.type === 'not_forwarded') turnedAway.push(event.reason);
      },
    );
  });

  const LATE = 1_060_000;
  /** Refused guesses, one after the other. */
  const guess = async (times: number, address: string, client: (i: number) => string) => {
    for (let i = 0; i < times; i += 1) (await limits.reserve(guesserAt(address, client(i)), now + 8000)).end(true);
  };
  const isSlowed = (address: string, client: string): number | undefined => {
    try {
      limits.check(guesserAt(address, client));
      return undefined;
    } catch (error) {
      if (!(error instanceof OAuthError) || error.status !== 429) throw error;
      return error.retryAfter;
    }
  };

  it('slows an address that guesses the secret of one client', async () => {
    await guess(9, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.1', 'victim')).toBeUndefined();
    await guess(1, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.1', 'victim')).toBe(600);
    expect(slowed).toEqual(['address_and_client victim 192.0.2.1']);
  });

  it('leaves other addresses, and other clients at that address, alone', async () => {
    await guess(10, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.2', 'victim')).toBeUndefined();
    expect(isSlowed('192.0.2.1', 'neighbour')).toBeUndefined();
  });

  it('slows an address that tries many clients', async () => {
    await guess(100, '192.0.2.1', (i) => `client ${i}`);
    expect(isSlowed('192.0.2.1', 'yet another')).toBe(600);
    expect(isSlowed('192.0.2.2', 'yet another')).toBeUndefined();
    expect(slowed).toEqual(['address yet another 192.0.2.1']);
  });

  it('forgets after 600 s', async () => {
    await guess(10, '192.0.2.1', () => 'victim');
    now = 1_599_000;
    expect(isSlowed('192.0.2.1', 'victim')).toBe(1);
    now = 1_600_000;
    expect(isSlowed('192.0.2.1', 'victim')).toBeUndefined();
    await guess(1, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.1', 'victim')).toBeUndefined();
    await guess(9, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.1', 'victim')).toBe(600);
  });

  it.each([
    ['2001:db8::1', '2001:db8:0:0:ffff::2'],
    ['2001:db8:1:2::', '2001:0db8:0001:0002:aaaa:bbbb:cccc:dddd'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::2'],
  ])('takes %s and %s for one client', async (one, other) => {
    await guess(10, one, () => 'victim');
    expect(isSlowed(other, 'victim')).toBe(600);
  });

  it('counts neighbouring IPv6 networks separately, up to the limit of their /48', async () => {
    await guess(10, '2001:db8:0:1::1', () => 'victim');
    expect(isSlowed('2001:db8:0:2::1', 'victim')).toBeUndefined();
    for (let network = 2; network <= 4; network += 1) await guess(10, `2001:db8:0:${network}::1`, () => 'victim');
    expect(isSlowed('2001:db8:0:5::1', 'victim')).toBe(600);
    expect(isSlowed('2001:db8:0:5::1', 'neighbour')).toBeUndefined();
    expect(isSlowed('2001:db8:1:5::1', 'victim')).toBeUndefined();
    expect(slowed).toEqual(['address_and_client victim 2001:db8:0::/48']);
  });

  it('slows a /48 that tries many clients from many networks', async () => {
    await guess(100, '2001:db8:0:1::1', (i) => `client ${i}`);
    for (let network = 2; network <= 4; network += 1) {
      await guess(network < 4 ? 100 : 99, `2001:db8:0:${network}::1`, (i) => `client ${network} ${i}`);
    }
    expect(isSlowed('2001:db8:0:5::1', 'yet another')).toBeUndefined();
    await guess(1, '2001:db8:0:4::1', () => 'the last');
    expect(isSlowed('2001:db8:0:5::1', 'yet another')).toBe(600);
  });

  it('lets out no more guesses at once than may still be refused, and then slows the waiting ones', async () => {
    const started: { end(refused: boolean): void }[] = [];
    const crowd = Array.from({ length: 50 }, () =>
      limits.reserve(guesserAt('192.0.2.1', 'victim'), LATE).then(
        (place) => started.push(place),
        (error: unknown) => {
          if (!(error instanceof OAuthError) || error.status !== 429) throw error;
          return 'slowed';
        },
      ),
    );
    await Promise.resolve();
    expect(started).toHaveLength(10);
    for (const place of started) place.end(true);
    const outcomes = await Promise.all(crowd);
    expect(outcomes.filter((outcome) => outcome === 'slowed')).toHaveLength(40);
  });

  it('gives the place of a right guess to the next one waiting', async () => {
    const places = await Promise.all(
      Array.from({ length: 10 }, () => limits.reserve(guesserAt('192.0.2.1', 'victim'), LATE)),
    );
    const order: string[] = [];
    const waiting = ['a', 'b', 'c'].map(async (name) => {
      const place = await limits.reserve(guesserAt('192.0.2.1', 'victim'), LATE);
      order.push(name);
      place.end(false);
    });
    // A request for another client does not wait for these.
    (await limits.reserve(guesserAt('192.0.2.1', 'neighbour'), LATE)).end(false);
    expect(order).toEqual([]);
    places[0]?.end(false);
    await Promise.all(waiting);
    expect(order).toEqual(['a', 'b', 'c']);
    for (const place of places.slice(1)) place.end(false);
    expect(isSlowed('192.0.2.1', 'victim')).toBeUndefined();
  });

  it('calls one who waits for several places when any of them is free', async () => {
    const early = await Promise.all(
      Array.from({ length: 99 }, (_, i) => limits.reserve(guesserAt('192.0.2.1', `client ${i}`), LATE)),
    );
    const places = [...early, await limits.reserve(guesserAt('192.0.2.1', 'victim'), LATE)];
    const order: string[] = [];
    const waiting = ['victim', 'neighbour'].map(async (client) => {
      (await limits.reserve(guesserAt('192.0.2.1', client), LATE)).end(false);
      order.push(client);
    });
    places[0]?.end(false);
    await Promise.all(waiting);
    expect(order).toEqual(['victim', 'neighbour']);
    for (const place of places.slice(1)) place.end(false);
    // Every place was given back, and none twice.
    const again = Array.from({ length: 101 }, (_, i) => limits.reserve(guesserAt('192.0.2.1', `other ${i}`), LATE));
    const started = await Promise.all(again.slice(0, 100));
    const last = again[100]?.then(() => order.push('last'));
    await Promise.resolve();
    expect(order).not.toContain('last');
    started[0]?.end(false);
    await last;
    for (const place of started.slice(1)) place.end(false);
  });

  it('lets nobody wait past its deadline', async () => {
    jest.useFakeTimers();
    const places = await Promise.all(
      Array.from({ length: 10 }, () => limits.reserve(guesserAt('192.0.2.1', 'victim'), LATE)),
    );
    const outcomes: unknown[] = [];
    const waiting = limits
      .reserve(guesserAt('192.0.2.1', 'victim'), now + 10)
      .catch((error: unknown) => outcomes.push(error));
    const late = limits
      .reserve(guesserAt('192.0.2.1', 'victim'), now - 10)
      .catch((error: unknown) => outcomes.push(error));
    await jest.advanceTimersByTimeAsync(9);
    await late;
    expect(outcomes).toMatchObject([{ status: 504, error: 'temporarily_unavailable' }]);
    await jest.advanceTimersByTimeAsync(1);
    await waiting;
    expect(outcomes).toHaveLength(2);
    expect(turnedAway).toEqual(['waited_too_long', 'waited_too_long']);
    // Those who gave up do not get the place that is free now.
    for (const place of places) place.end(false);
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('lets a bounded number of a network wait', async () => {
    const places = await Promise.all(
      Array.from({ length: 10 }, () => limits.reserve(guesserAt('192.0.2.1', 'victim'), LATE)),
    );
    const waiting = Array.from({ length: 1024 }, () => limits.reserve(guesserAt('192.0.2.1', 'victim'), LATE));
    await expect(limits.reserve(guesserAt('192.0.2.1', 'victim'), LATE)).rejects.toMatchObject({
      status: 503,
      retryAfter: 1,
    });
    expect(turnedAway).toEqual(['too_many_waiting']);
    // Another network's clients have room of their own.
    const others = Array.from({ length: 11 }, () => limits.reserve(guesserAt('192.0.2.2', 'victim'), LATE));
    for (const place of await Promise.all(others.slice(0, 10))) place.end(false);
    (await others[10])?.end(false);
    expect(turnedAway).toHaveLength(1);
    for (const place of places) place.end(true);
    expect((await Promise.allSettled(waiting)).every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('lets a bounded number of all networks wait', async () => {
    const networks = Array.from({ length: 11 }, (_, nth) => `192.0.2.${nth}`);
    const crowds = networks.map((address) =>
      Array.from({ length: address.endsWith('.10') ? 10 : 1010 }, () =>
        limits.reserve(guesserAt(address, 'victim'), LATE),
      ),
    );
    const places = await Promise.all(crowds.flatMap((crowd) => crowd.slice(0, 10)));
    const late = () => limits.reserve(guesserAt('192.0.2.10', 'victim'), LATE);
    await expect(late()).rejects.toMatchObject({ status: 503 });
    for (const place of places) place.end(true);
    await Promise.allSettled(crowds.flat());
    // Nobody waits any more, so others may.
    const others = Array.from({ length: 11 }, () => limits.reserve(guesserAt('192.0.2.11', 'victim'), LATE));
    (await others[0])?.end(false);
    for (const place of await Promise.all(others.slice(1))) place.end(false);
    expect(turnedAway).toEqual(['too_many_waiting']);
  });

  it('keeps nothing of clients whose guesses have ended', async () => {
    const guessAndWait = async (address: string) => {
      const crowd = Array.from({ length: 11 }, () => limits.reserve(guesserAt(address, 'victim'), LATE));
      await Promise.all(
        crowd.map(async (place) => {
          (await place).end(false);
        }),
      );
    };
    await guessAndWait('192.0.2.1');
    const before = heapUsed();
    for (let nth = 0; nth < 5000; nth += 1) await guessAndWait(`10.0.${nth >> 8}.${nth & 255}`);
    expect(heapUsed() - before).toBeLessThan(256 * 1024);
  });

  it('takes over what other instances counted, and never a lower count', async () => {
    const counts = (failures: number) => [
      { failures, lifeMs: 300_000 },
      { failures, lifeMs: 300_000 },
    ];
    limits.adopt(guesserAt('192.0.2.1', 'victim'), counts(9));
    limits.adopt(guesserAt('192.0.2.1', 'victim'), counts(3));
    limits.adopt(guesserAt('192.0.2.1', 'victim'), [{ failures: 99, lifeMs: 0 }]);
    expect(isSlowed('192.0.2.1', 'victim')).toBeUndefined();
    await guess(1, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.1', 'victim')).toBe(300);
    now += 300_000;
    limits.adopt(guesserAt('192.0.2.1', 'victim'), [{ failures: 100, lifeMs: 0 }]);
    expect(isSlowed('192.0.2.1', 'victim')).toBeUndefined();
    limits.adopt(guesserAt('192.0.2.1', 'victim'), counts(2));
    await guess(7, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.1', 'victim')).toBeUndefined();
    await guess(1, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.1', 'victim')).toBe(300);
  });

  it('keeps the earlier end of a count that another instance has as well', () => {
    limits.adopt(guesserAt('192.0.2.1', 'victim'), [{ failures: 100, lifeMs: 60_000 }]);
    limits.adopt(guesserAt('192.0.2.1', 'victim'), [{ failures: 100, lifeMs: 600_000 }]);
    expect(isSlowed('192.0.2.1', 'victim')).toBe(60);
  });

  it('slows no longer than the window of a count, whatever Redis says', () => {
    limits.adopt(guesserAt('192.0.2.1', 'victim'), [{ failures: 100, lifeMs: 8.64e15 }]);
    expect(isSlowed('192.0.2.1', 'victim')).toBe(600);
    limits.adopt(guesserAt('192.0.2.2', 'victim'), [{ failures: 100, lifeMs: NaN }]);
    expect(isSlowed('192.0.2.2', 'victim')).toBeUndefined();
  });

  it('says who is slowed in the terms of an OAuth error', async () => {
    await guess(10, '192.0.2.1', () => 'victim');
    await expect(limits.reserve(guesserAt('192.0.2.1', 'victim'), LATE)).rejects.toMatchObject({
      status: 429,
      error: 'temporarily_unavailable',
      retryAfter: 600,
    });
  });
});
