import { PairShares } from './pair-shares.js';

describe('PairShares', () => {
  it('gives up the oldest entries of a pair that has too many, and never the new one', () => {
    const shares = new PairShares(2, 100);
    expect([shares.add('pair', 'a', 1), shares.add('pair', 'b', 1), shares.add('other', 'x', 1)]).toEqual([[], [], []]);
    expect(shares.add('pair', 'c', 1)).toEqual(['a']);
    expect(new PairShares(0, 100).add('pair', 'a', 1)).toEqual([]);
  });

  it('gives up as many as a large one needs, down to the last byte', () => {
    const shares = new PairShares(10, 100);
    for (const key of ['a', 'b', 'c']) shares.add('pair', key, 30);
    expect(shares.add('pair', 'd', 10)).toEqual([]);
    expect(shares.add('pair', 'e', 31)).toEqual(['a', 'b']);
    expect(shares.add('pair', 'f', 1000)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('makes room when an entry is removed, once', () => {
    const shares = new PairShares(10, 100);
    shares.add('pair', 'a', 60);
    shares.add('pair', 'b', 40);
    for (const key of ['a', 'a', 'unknown']) shares.remove('pair', key);
    shares.remove('unknown', 'b');
    expect(shares.add('pair', 'c', 60)).toEqual([]);
    expect(shares.add('pair', 'd', 1)).toEqual(['b']);
  });
});
