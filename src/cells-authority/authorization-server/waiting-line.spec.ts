import { type NoPlace, type Place, WaitingLine } from './waiting-line.js';

const HERE = '192.0.2.1';
const ELSEWHERE = '192.0.2.2';

function placeOf(entered: Place | NoPlace): Place {
  if (typeof entered === 'string') throw new Error(entered);
  return entered;
}

describe('WaitingLine', () => {
  /** Waits for a place, notes the name on getting it, and gives it back at once. */
  const wait = async (line: WaitingLine, order: string[], origin: string, name: string): Promise<void> => {
    const place = placeOf(await line.enter(origin, 1000));
    order.push(name);
    place();
  };

  it('gives places at once while there are free ones', () => {
    const line = new WaitingLine(2, 0);
    expect([line.enter(HERE, 1), line.enter(HERE, 1)].map((place) => typeof place)).toEqual(['function', 'function']);
  });

  it('turns away requests when too many are waiting', () => {
    const line = new WaitingLine(1, 0);
    placeOf(line.enter(HERE, 1) as Place);
    expect(line.enter(HERE, 1)).toBe('too_many_waiting');
  });

  it('calls the requests of one origin in order of arrival', async () => {
    const line = new WaitingLine(1, 3);
    const leave = placeOf(await line.enter(HERE, 1000));
    const order: string[] = [];
    const waiting = ['1', '2', '3'].map((name) => wait(line, order, HERE, name));
    expect(order).toEqual([]);
    leave();
    await Promise.all(waiting);
    expect(order).toEqual(['1', '2', '3']);
  });

  it('lets origins take turns, however many requests one of them has', async () => {
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

  it('makes room in a full line at the expense of the origin with the most requests', async () => {
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
    // Both have two now, so neither has to make room for the other.
    expect(line.enter(ELSEWHERE, 1000)).toBe('too_many_waiting');
    expect(line.enter(HERE, 1000)).toBe('too_many_waiting');

    leave();
    await Promise.all(waiting);
    expect(order).toEqual(['a1', 'b1', 'a2', 'b2']);
  });

  it('lets no request wait for longer than its time, and keeps no place for one that gave up', async () => {
    const line = new WaitingLine(1, 1);
    const leave = placeOf(await line.enter(HERE, 1000));
    expect(await line.enter(HERE, 20)).toBe('waited_too_long');
    leave();
    expect(typeof (await line.enter(HERE, 1))).toBe('function');
    expect(await line.enter(HERE, 20)).toBe('waited_too_long');
    expect(line.enter(HERE, 0)).toBe('waited_too_long');
  });

  it('turns away the origins that are refused meanwhile, and keeps the others', async () => {
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
