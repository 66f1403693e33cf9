import { nextLook } from './shared-lock.js';

describe('nextLook', () => {
  it.each([
    [0, 7.5, 12.5],
    [1, 15, 25],
    [3, 60, 100],
    [4, 75, 125],
    [50, 75, 125],
  ])('waits before try %i for %d to %d ms, at random', (tries, least, most) => {
    const random = jest.spyOn(Math, 'random');
    const waits = [0, 1].map((value) => {
      random.mockReturnValue(value);
      return nextLook(tries);
    });
    random.mockRestore();
    expect(waits).toEqual([least, most]);
  });
});
