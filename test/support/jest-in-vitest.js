import { afterAll, vi } from 'vitest';
import { closeLeftovers } from './leftovers.js';

/** Specs are written for jest, whose functions Vitest has as well. It lists the timers to fake, jest those not to. */
const TIMERS = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'Date', 'performance'];

globalThis.jest = Object.assign(Object.create(vi), {
  dontMock: vi.doUnmock,
  useFakeTimers: ({ doNotFake = [], ...others } = {}) =>
    vi.useFakeTimers({ ...others, toFake: TIMERS.filter((name) => !doNotFake.includes(name)) }),
});

afterAll(closeLeftovers);
