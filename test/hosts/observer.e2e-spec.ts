import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { SimulatedTime } from '../reuse/simulated-time.js';

const SECRET = 'secret-in-an-error';

/** Mistakes of hosts. An async function fits the type of an observer, so the compiler does not notice. */
const brokenObservers: readonly { readonly how: string; readonly observer: () => unknown }[] = [
  {
    how: 'throws',
    observer: () => {
      throw new Error(SECRET);
    },
  },
  {
    how: 'rejects',
    observer: () => Promise.reject(new Error(SECRET)),
  },
];

describe.each(brokenObservers)('An observer that $how', ({ observer }) => {
  let time: SimulatedTime;
  let warnings: string[];
  const unhandled: unknown[] = [];
  const noteUnhandled = (reason: unknown) => unhandled.push(reason);

  beforeEach(async () => {
    warnings = [];
    unhandled.length = 0;
    process.on('unhandledRejection', noteUnhandled);
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((line: unknown) => {
      warnings.push(String(line));
    });
    time = await SimulatedTime.start([['good', 'right-secret']], { observer });
  });

  afterEach(async () => {
    await time.close();
    process.off('unhandledRejection', noteUnhandled);
    jest.restoreAllMocks();
  });

  it('does not keep the circuit half open', async () => {
    for (let nth = 0; nth < 6; nth += 1) {
      time.upstream.respondNext({ status: 500 });
      await time.ask(`client ${nth}`, 'any-secret');
      time.pass(0.3);
      if ((await time.ask(`probe ${nth}`, 'any-secret')) === 503) break;
    }
    time.upstream.clear();
    time.pass(5);

    expect(await time.ask('good', 'right-secret')).toBe(200);
    expect(await time.ask('good', 'right-secret', { scope: 'another' })).toBe(200);
  });

  it('does not keep wrong credentials from being held', async () => {
    for (let nth = 0; nth < 12; nth += 1) expect(await time.ask('good', 'wrong-secret')).toBe(400);
    expect(time.upstream.requestCount).toBe(1);
  });

  it('neither keeps a token from being renewed nor ends the process when a renewal fails', async () => {
    await time.ask('good', 'right-secret');
    time.pass(86_400 * 0.95);
    time.upstream.respondNext({ status: 500 });
    expect(await time.ask('good', 'right-secret')).toBe(200);
    for (let nth = 0; time.upstream.issued < 2; nth += 1) {
      expect(nth).toBeLessThan(100);
      time.pass(2);
      expect(await time.ask('good', 'right-secret')).toBe(200);
      await delay(10);
    }
    expect(unhandled).toEqual([]);
  });

  it('is warned about once a minute, by the type of the event and without its error', async () => {
    await time.ask('good', 'right-secret');
    await time.ask('good', 'right-secret');
    await nextTurn();
    expect(warnings).toEqual([expect.stringContaining('"upstream_request"')]);
    time.pass(60);
    await time.ask('good', 'right-secret');
    await nextTurn();
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).not.toContain(SECRET);
  });
});

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
