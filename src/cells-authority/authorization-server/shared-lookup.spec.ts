import { type Lookup, sharedLookup } from './shared-lookup.js';

describe('sharedLookup', () => {
  const done = jest.fn();
  const answers: Parameters<Lookup>[2][] = [];
  const lookup = jest.fn<undefined, Parameters<Lookup>>((_hostname, _options, answer) => {
    answers.push(answer);
  });

  it('makes one lookup for all concurrent callers, and a new one afterwards', () => {
    const shared = sharedLookup(lookup);
    shared('a.example', { all: true }, done);
    shared('a.example', { all: true }, done);
    shared('b.example', { all: true }, done);
    expect(lookup).toHaveBeenCalledTimes(2);

    answers[0]?.(null, '192.0.2.1', 4);
    expect(done.mock.calls).toEqual([
      [null, '192.0.2.1', 4],
      [null, '192.0.2.1', 4],
    ]);

    shared('a.example', { all: true }, done);
    expect(lookup).toHaveBeenCalledTimes(3);
  });
});
