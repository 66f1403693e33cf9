import { type Clock, tokenClock } from './clock.js';

const HOUR_MS = 3_600_000;

describe('The clock that tokens age by', () => {
  let monotonic: number;
  let wall: number;
  let clock: Clock;

  beforeEach(() => {
    monotonic = 1_000_000;
    wall = 1_800_000_000_000;
    clock = tokenClock(
      () => monotonic,
      () => wall,
    );
  });

  const pass = (ms: number) => {
    monotonic += ms;
    wall += ms;
  };

  it('is the monotonic clock while both agree or slowly drift apart', () => {
    pass(5000);
    expect(clock()).toBe(1_005_000);
    wall += 900;
    expect(clock()).toBe(1_005_000);
    wall -= 1800;
    expect(clock()).toBe(1_005_000);
  });

  it('goes on through a suspend, and through another', () => {
    wall += HOUR_MS;
    expect(clock()).toBe(1_000_000 + HOUR_MS);
    pass(1000);
    wall += HOUR_MS;
    expect(clock()).toBe(1_001_000 + 2 * HOUR_MS);
  });

  it('does not go back with the wall clock, and notices a later suspend', () => {
    wall -= 10 * HOUR_MS;
    expect(clock()).toBe(1_000_000);
    pass(1000);
    expect(clock()).toBe(1_001_000);
    wall += HOUR_MS;
    expect(clock()).toBe(1_001_000 + HOUR_MS);
  });
});
