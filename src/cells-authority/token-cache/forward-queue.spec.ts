import { ForwardQueue } from './forward-queue.js';

describe('ForwardQueue', () => {
  it('lets a pair run one request, and more only if it has the places', async () => {
    const queue = new ForwardQueue();
    expect([queue.enter('pair', 0), queue.enter('pair', 2)]).toEqual([true, true]);
    const third = queue.enter('pair', 2);
    expect(third).toBeInstanceOf(Promise);
    expect(queue.enter('other', 1)).toBe(true);
    queue.leave('pair', 2);
    await third;
  });

  it('calls the waiting in order, as many as there are places by then', async () => {
    const queue = new ForwardQueue();
    const order: number[] = [];
    void queue.enter('pair', 1);
    void queue.enter('pair', 2);
    for (const nth of [1, 2, 3, 4]) void Promise.resolve(queue.enter('pair', 1)).then(() => order.push(nth));
    queue.leave('pair', 1);
    await new Promise(setImmediate);
    expect(order).toEqual([]);
    queue.leave('pair', 2);
    await new Promise(setImmediate);
    expect(order).toEqual([1, 2]);
    queue.leave('pair', Infinity);
    await new Promise(setImmediate);
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('lets 1,000 of a pair wait, and 10,000 in all; whoever is called no longer waits', () => {
    const queue = new ForwardQueue();
    const places = Array.from({ length: 10_010 }, (_, i) => queue.enter(`pair ${i % 10}`, 1));
    expect(places.filter((place) => place instanceof Promise)).toHaveLength(10_000);
    expect([queue.enter('another', 1), queue.enter('another', 1)]).toEqual([true, undefined]);
    queue.leave('pair 0', 1);
    expect(queue.enter('pair 1', 1)).toBeUndefined();
    expect(queue.enter('another', 1)).toBeInstanceOf(Promise);
    expect(queue.enter('another', 1)).toBeUndefined();
  });

  it('forgets a pair that has nothing under way, and one that never had', () => {
    const queue = new ForwardQueue();
    queue.leave('pair', 1);
    void queue.enter('pair', 1);
    queue.leave('pair', 1);
    expect([queue.enter('pair', 0), queue.enter('pair', 1)]).toEqual([true, expect.any(Promise)]);
  });
});
