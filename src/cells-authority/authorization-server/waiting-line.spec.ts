import { type NoPlace, type Place, WaitingLine } from './waiting-line.js';

function placeOf(entered: Place | NoPlace): Place {
  if (typeof entered === 'string') throw new Error(entered);
  return entered;
}

describe('WaitingLine', () => {
  it('gives places at once while there are some', () => {
    const line = new WaitingLine(2, 0);
    expect([line.enter(1), line.enter(1)].map((place) => typeof place)).toEqual(['function', 'function']);
  });

  it('turns away whoever would be one too many waiting', () => {
    const line = new WaitingLine(1, 0);
    placeOf(line.enter(1) as Place);
    expect(line.enter(1)).toBe('too_many_waiting');
  });

  it('calls those who wait in the order they came', async () => {
    const line = new WaitingLine(1, 3);
    const leave = placeOf(await line.enter(1000));
    const order: number[] = [];
    const waiting = [1, 2, 3].map(async (nth) => {
      const place = placeOf(await line.enter(1000));
      order.push(nth);
      place();
    });
    expect(order).toEqual([]);
    leave();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
  });

  it('lets nobody wait past the deadline, and nobody in behind one who gave up', async () => {
    const line = new WaitingLine(1, 1);
    const leave = placeOf(await line.enter(1000));
    expect(await line.enter(20)).toBe('timeout');
    leave();
    expect(typeof (await line.enter(1))).toBe('function');
    expect(await line.enter(20)).toBe('timeout');
  });
});
