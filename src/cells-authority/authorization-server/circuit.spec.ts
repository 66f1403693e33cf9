import { Circuit, type CircuitState } from './circuit.js';

const HERE = '192.0.2.1';
const ELSEWHERE = '192.0.2.2';

describe('Circuit', () => {
  let now: number;
  let changes: CircuitState[];
  let circuit: Circuit;

  beforeEach(() => {
    now = 1_000_000;
    changes = [];
    circuit = new Circuit(
      () => now,
      (state) => changes.push(state),
    );
  });

  /** Failures of as many clients at one origin. */
  function failFor(times: number, everyMs: number, origin = HERE, pairOf = (nth: number) => `pair ${nth}`): void {
    for (let nth = 0; nth < times; nth += 1) {
      circuit.failed({ pair: pairOf(nth), origin });
      now += everyMs;
    }
  }

  it('lets everything through at first', () => {
    circuit.succeeded();
    expect(circuit.admit(HERE)).toBe(true);
    expect(changes).toEqual([]);
  });

  it('opens after 5 failures in a row that span a second', () => {
    failFor(4, 250);
    expect(circuit.admit(HERE)).toBe(true);
    circuit.failed({ pair: 'pair', origin: HERE });
    expect([circuit.refuses(HERE), circuit.admit(HERE)]).toEqual([true, false]);
    expect(changes).toEqual(['open']);
  });

  it('counts failures within less than a second as one event', () => {
    failFor(100, 9);
    now = 1_000_999;
    failFor(1, 0);
    expect(circuit.admit(HERE)).toBe(true);
    now = 1_001_000;
    failFor(1, 0);
    expect(circuit.admit(HERE)).toBe(false);
  });

  it('starts counting again after a success', () => {
    failFor(4, 400);
    circuit.succeeded();
    failFor(4, 400);
    expect(circuit.admit(HERE)).toBe(true);
    failFor(1, 0);
    expect(circuit.admit(HERE)).toBe(false);
  });

  it('does not open because of one or two pairs, however often they fail', () => {
    failFor(100, 250, HERE, (nth) => `pair ${nth % 2}`);
    expect([circuit.state, circuit.admit(HERE)]).toEqual(['closed', true]);
    circuit.failed({ pair: 'another', origin: HERE });
    expect(circuit.admit(HERE)).toBe(false);
  });

  it('opens for the origins that failed, and with the third of them for all', () => {
    failFor(20, 250);
    expect([circuit.admit(HERE), circuit.admit(ELSEWHERE)]).toEqual([false, true]);
    circuit.failed({ pair: 'pair', origin: ELSEWHERE });
    expect([circuit.admit(ELSEWHERE), circuit.admit('a third')]).toEqual([false, true]);
    circuit.failed({ pair: 'pair', origin: 'a third' });
    expect(circuit.admit('a fourth')).toBe(false);
    expect(changes).toEqual(['open']);
  });

  it('opens for all when no connection can be made, whichever origin notices', () => {
    for (let nth = 0; nth < 5; nth += 1) {
      expect(circuit.admit(ELSEWHERE)).toBe(true);
      circuit.unreachable();
      now += 250;
    }
    expect([circuit.admit(HERE), circuit.admit(ELSEWHERE)]).toEqual([false, false]);
  });

  it('does not open for all because two connections failed between the failures of one origin', () => {
    circuit.unreachable();
    circuit.unreachable();
    failFor(5, 250);
    expect([circuit.admit(HERE), circuit.admit(ELSEWHERE)]).toEqual([false, true]);
    circuit.unreachable();
    expect(circuit.admit(ELSEWHERE)).toBe(false);
  });

  it('lets a single request try every 5 seconds', () => {
    failFor(5, 250);
    now += 4749;
    expect(circuit.admit(HERE)).toBe(false);
    expect(circuit.retryAfter).toBe(1);
    now += 1;
    expect([circuit.admit(HERE), circuit.admit(HERE), circuit.refuses(HERE)]).toEqual([true, false, true]);
    circuit.failed({ pair: 'pair', origin: HERE });
    expect(circuit.admit(HERE)).toBe(false);
    expect(circuit.retryAfter).toBe(5);
    now += 5000;
    expect(circuit.admit(HERE)).toBe(true);
    expect(changes).toEqual(['open', 'half_open', 'open', 'half_open']);
  });

  it('lets another one try when the first had no outcome', () => {
    failFor(5, 250);
    now += 5000;
    expect(circuit.admit(HERE)).toBe(true);
    circuit.undecided();
    expect([circuit.admit(HERE), circuit.admit(HERE)]).toEqual([true, false]);
  });

  it('does not open because of a request without an outcome', () => {
    circuit.undecided();
    expect(changes).toEqual([]);
  });

  it('closes when the trial or an earlier request succeeds', () => {
    failFor(5, 250);
    circuit.succeeded();
    expect(circuit.refuses(HERE)).toBe(false);
    expect(circuit.admit(HERE)).toBe(true);
    expect(changes).toEqual(['open', 'closed']);
  });

  it('never has a Retry-After below a second', () => {
    failFor(5, 250);
    now += 60_000;
    expect(circuit.retryAfter).toBe(1);
  });
});
