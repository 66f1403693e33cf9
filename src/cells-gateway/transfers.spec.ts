import { type Transfer } from './transfer.js';
import { Transfers } from './transfers.js';

describe('The transfers under way', () => {
  const named = (name: string) => ({ name, place: 0 }) as Transfer & { readonly name: string };

  it.each([
    ['the first', ['a'], ['c', 'b']],
    ['one in the middle', ['b'], ['a', 'c']],
    ['the last', ['c'], ['a', 'b']],
    ['one that has taken the place of another', ['a', 'c'], ['b']],
    ['all', ['b', 'a', 'c'], []],
  ])('are those that have begun and not ended: without %s', (_which, ended, left) => {
    const transfers = new Transfers();
    const all = ['a', 'b', 'c'].map(named);
    for (const transfer of all) transfers.add(transfer);
    expect([...transfers]).toEqual(all);
    for (const transfer of ended.flatMap((name) => all.filter((each) => each.name === name)))
      transfers.delete(transfer);
    expect([...transfers]).toMatchObject(left.map((name) => ({ name })));
    expect(transfers.size).toBe(left.length);
  });

  it('may end while one goes through them', () => {
    const transfers = new Transfers();
    for (const transfer of ['a', 'b', 'c'].map(named)) transfers.add(transfer);
    for (const transfer of transfers) transfers.delete(transfer);
    expect(transfers.size).toBe(0);
  });

  it('stay none when one ends that is not among them', () => {
    const transfers = new Transfers();
    transfers.delete(named('a'));
    expect(transfers.size).toBe(0);
  });
});
