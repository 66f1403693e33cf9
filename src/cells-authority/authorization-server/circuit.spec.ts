import { Circuit, type CircuitState } from './circuit.js';

describe('Circuit', () => {
  let now: number;
  let changes: CircuitState[];
  let circuit: Circuit;

  beforeEach(() => {
    now = 0;
    changes = [];
    circuit = new Circuit(
      () => now,
      (state) => changes.push(state),
    );
  });

  function failFor(times: number, everyMs: number): void {
    for (let time = 0; time < times; time += 1) {
      circuit.failed();
      now += everyMs;
    }
  }

  it('lets everything through while all is well', () => {
    circuit.succeeded();
    expect(circuit.admit()).toBe(true);
    expect(changes).toEqual([]);
  });

  it('opens after 5 failures in a row that span a second', () => {
    failFor(4, 250);
    expect(circuit.admit()).toBe(true);
    circuit.failed();
    expect(circuit.admit()).toBe(false);
    expect(changes).toEqual(['open']);
  });

  it('takes failures at one moment for one event', () => {
    failFor(100, 0);
    expect(circuit.admit()).toBe(true);
  });

  it('starts to count anew after a success', () => {
    failFor(4, 400);
    circuit.succeeded();
    failFor(4, 400);
    expect(circuit.admit()).toBe(true);
  });

  it('lets a single request try every 5 seconds', () => {
    failFor(5, 250);
    now += 4749;
    expect(circuit.admit()).toBe(false);
    expect(circuit.retryAfter).toBe(1);
    now += 1;
    expect([circuit.admit(), circuit.admit(), circuit.admit()]).toEqual([true, false, false]);
    circuit.failed();
    expect(circuit.admit()).toBe(false);
    expect(circuit.retryAfter).toBe(5);
    now += 5000;
    expect(circuit.admit()).toBe(true);
    expect(changes).toEqual(['open', 'half_open', 'open', 'half_open']);
  });

  it('closes when the try succeeds, or a request that was sent before does', () => {
    failFor(5, 250);
    circuit.succeeded();
    expect(circuit.admit()).toBe(true);
    expect(changes).toEqual(['open', 'closed']);
  });

  it('says never less than a second', () => {
    failFor(5, 250);
    now += 60_000;
    expect(circuit.retryAfter).toBe(1);
  });
});
