import { type NoPlace, type Place, WaitingLine } from './waiting-line.js';

const HERE = '192.0.2.1';
const ELSEWHERE = '192.0.2.2';

function placeOf(entered: Place | NoPlace): Place {
  if (typeof entered === 'string') throw new Error(entered);
  return entered;
}

describe('WaitingLine', () => {
  /** Waits for a place, notes the name when it comes, and gives it back at once. */
  const wait = async (line: WaitingLine, order: string[], origin: string, name: string): Promise<void> => {
    const place = placeOf(await line.enter(origin, 1000));
    order.push(name);
    place();
  };

  it('gives places at once while there are some', () => {
    const line = new WaitingLine(2, 0);
    expect([line.enter(HERE, 1), line.enter(HERE, 1)].map((place) => typeof place)).toEqual(['function', 'function']);
  });

  it('turns away whoever would be one too many waiting', () => {
    const line = new WaitingLine(1, 0);
    placeOf(line.enter(HERE, 1) as Place);
    expect(line.enter(HERE, 1)).toBe('too_many_waiting');
  });

  it('calls those of one origin in the order they came', async () => {
    const line = new WaitingLine(1, 3);
    const leave = placeOf(await line.enter(HERE, 1000));
    const order: string[] = [];
    const waiting = ['1', '2', '3'].map((name) => wait(line, order, HERE, name));
    expect(order).toEqual([]);
    leave();
    await Promise.all(waiting);
    expect(order).toEqual(['1', '2', '3']);
  });

  it('lets origins take turns, however many wait at one of them', async () => {
    const line = new WaitingLine(1, 10);
    const leave = placeOf(await line.enter(HERE, 1000));
    const order: string[] = [];
    const waiting = [
      ...['a1', 'a2', 'a3', 'a4'].map((name) => wait(line, order, HERE, name)),
      ...['b1', 'b2'].map((name) => wait(line, order, ELSEWHERE, name)),
      wait(line, order, 'a third', 'c1'),
    ];
    leave();
    await Promise.all(waiting);
    expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
  });

  it('makes room for other origins at the expense of the one that has most in a full line', async () => {
    const line = new WaitingLine(1, 4);
    const leave = placeOf(await line.enter(HERE, 1000));
    const order: string[] = [];
    const waiting = ['a1', 'a2'].map((name) => wait(line, order, HERE, name));
    const last = [line.enter(HERE, 1000), line.enter(HERE, 1000)];
    expect(line.enter(HERE, 1000)).toBe('too_many_waiting');

    waiting.push(...['b1', 'b2'].map((name) => wait(line, order, ELSEWHERE, name)));
    expect(await Promise.all(last.map((entered) => Promise.resolve(entered)))).toEqual([
      'too_many_waiting',
      'too_many_waiting',
    ]);
    // Both have two now: neither makes room for a third of the other's.
    expect(line.enter(ELSEWHERE, 1000)).toBe('too_many_waiting');
    expect(line.enter(HERE, 1000)).toBe('too_many_waiting');

    leave();
    await Promise.all(waiting);
    expect(order).toEqual(['a1', 'b1', 'a2', 'b2']);
  });

  it('lets nobody wait for longer than its time, and nobody in behind one who gave up', async () => {
    const line = new WaitingLine(1, 1);
    const leave = placeOf(await line.enter(HERE, 1000));
    expect(await line.enter(HERE, 20)).toBe('waited_too_long');
    leave();
    expect(typeof (await line.enter(HERE, 1))).toBe('function');
    expect(await line.enter(HERE, 20)).toBe('waited_too_long');
    expect(line.enter(HERE, 0)).toBe('waited_too_long');
  });

  it('sends those away who are refused meanwhile, and keeps the others', async () => {
    const line = new WaitingLine(1, 10);
    const leave = placeOf(await line.enter(HERE, 1000));
    const order: string[] = [];
    const refused = [line.enter(HERE, 1000), line.enter(HERE, 1000)];
    const kept = wait(line, order, ELSEWHERE, 'kept');
    line.turnAway((origin) => origin === HERE);
    expect(await Promise.all(refused.map((entered) => Promise.resolve(entered)))).toEqual([
      'turned_away',
      'turned_away',
    ]);
    leave();
    await kept;
    expect(order).toEqual(['kept']);
  });
});
