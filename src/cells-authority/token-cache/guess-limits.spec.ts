import { OAuthError } from '../errors/oauth-error.js';
import { GuessLimits } from './guess-limits.js';

describe('GuessLimits', () => {
  let now: number;
  let limits: GuessLimits;
  let slowed: string[];

  beforeEach(() => {
    now = 0;
    slowed = [];
    limits = new GuessLimits(
      () => now,
      (event) => {
        if (event.type === 'guessing_slowed') slowed.push(`${event.scope} ${event.client}`);
      },
    );
  });

  const guess = (times: number, address: string, client: (i: number) => string) => {
    for (let i = 0; i < times; i += 1) limits.count(address, client(i));
  };
  const isSlowed = (address: string, client: string): number | undefined => {
    try {
      limits.check(address, client);
      return undefined;
    } catch (error) {
      if (!(error instanceof OAuthError) || error.status !== 429) throw error;
      return error.retryAfter;
    }
  };

  it('slows an address that guesses the secret of one client', () => {
    guess(9, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.1', 'victim')).toBeUndefined();
    guess(1, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.1', 'victim')).toBe(600);
    expect(slowed).toEqual(['address_and_client victim']);
  });

  it('leaves other addresses, and other clients at that address, alone', () => {
    guess(50, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.2', 'victim')).toBeUndefined();
    expect(isSlowed('192.0.2.1', 'neighbour')).toBeUndefined();
  });

  it('slows an address that tries many clients', () => {
    guess(100, '192.0.2.1', (i) => `client ${i}`);
    expect(isSlowed('192.0.2.1', 'yet another')).toBe(600);
    expect(isSlowed('192.0.2.2', 'yet another')).toBeUndefined();
  });

  it('forgets after 600 s', () => {
    guess(10, '192.0.2.1', () => 'victim');
    now = 599_000;
    expect(isSlowed('192.0.2.1', 'victim')).toBe(1);
    now = 600_000;
    expect(isSlowed('192.0.2.1', 'victim')).toBeUndefined();
    guess(1, '192.0.2.1', () => 'victim');
    expect(isSlowed('192.0.2.1', 'victim')).toBeUndefined();
  });

  it.each([
    ['2001:db8::1', '2001:db8:0:0:ffff::2'],
    ['2001:db8:1:2::', '2001:0db8:0001:0002:aaaa:bbbb:cccc:dddd'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::2'],
  ])('takes %s and %s for one client', (one, other) => {
    guess(10, one, () => 'victim');
    expect(isSlowed(other, 'victim')).toBe(600);
  });

  it('tells neighbouring IPv6 networks apart', () => {
    guess(10, '2001:db8:0:1::1', () => 'victim');
    expect(isSlowed('2001:db8:0:2::1', 'victim')).toBeUndefined();
  });
});
