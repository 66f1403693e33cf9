import { LineBatches } from './line-batches.js';

let written: string[];
let batches: LineBatches;

beforeEach(() => {
  jest.useFakeTimers();
  written = [];
  batches = new LineBatches({ write: (text) => written.push(text) });
});

afterEach(() => {
  jest.useRealTimers();
});

describe('LineBatches', () => {
  it('write the lines of a fifth of a second together, in their order', () => {
    batches.write('first\n');
    jest.advanceTimersByTime(100);
    batches.write('second\n');
    jest.advanceTimersByTime(99);
    expect(written).toEqual([]);

    jest.advanceTimersByTime(1);
    expect(written).toEqual(['first\nsecond\n']);

    batches.write('third\n');
    jest.advanceTimersByTime(200);
    expect(written).toEqual(['first\nsecond\n', 'third\n']);
  });

  it('do not wait once 8192 characters have come together', () => {
    batches.write('a'.repeat(8191));
    expect(written).toEqual([]);

    batches.write('b');
    expect(written).toEqual([`${'a'.repeat(8191)}b`]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('do not write again what could not be written', () => {
    const write = jest.fn(() => {
      throw new Error('no space left on device');
    });
    const failing = new LineBatches({ write });
    failing.write('lost\n');

    expect(() => {
      failing.flush();
    }).toThrow('no space left');
    failing.flush();

    expect(write.mock.calls).toEqual([['lost\n']]);
  });

  it('write what they hold when they are told to, once', () => {
    const done = jest.fn();
    batches.write('last\n');

    batches.flush(done);
    batches.flush();

    expect(written).toEqual(['last\n']);
    expect(done).toHaveBeenCalledTimes(1);
    expect(jest.getTimerCount()).toBe(0);
  });
});
