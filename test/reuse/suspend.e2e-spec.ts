import { SimulatedTime } from './simulated-time.js';

const DAY_MS = 86_400_000;

describe.each(['published', 'sdk'] as const)('A machine that was suspended, on the %s path', (path) => {
  let time: SimulatedTime;

  beforeEach(async () => {
    time = await SimulatedTime.start([['client', 'secret']]);
    expect(await time.ask('client', 'secret', {}, path)).toBe(200);
  });
  afterEach(() => time.close());

  it('hands out no token that expired meanwhile, even if no new one can be had', async () => {
    time.wallClockLead += DAY_MS;
    time.upstream.respondNext({ status: 500 });
    expect(await time.ask('client', 'secret', {}, path)).toBe(503);
    expect(await time.ask('client', 'secret', {}, path)).toBe(200);
    expect(time.upstream.issued).toBe(2);
  });

  it('keeps a token that is still good, even after the wall clock was set back', async () => {
    time.wallClockLead += 30_000;
    expect(await time.ask('client', 'secret', {}, path)).toBe(200);
    time.wallClockLead -= 10 * DAY_MS;
    expect(await time.ask('client', 'secret', {}, path)).toBe(200);
    expect(time.upstream.issued).toBe(1);
    time.pass(86_400);
    expect(await time.ask('client', 'secret', {}, path)).toBe(200);
    expect(time.upstream.issued).toBe(2);
  });
});

describe('A wall clock that is set', () => {
  it('does not release credentials that are held', async () => {
    const time = await SimulatedTime.start([]);
    expect(await time.ask('client', 'wrong')).toBe(400);
    time.wallClockLead += DAY_MS;
    expect(await time.ask('client', 'wrong')).toBe(400);
    expect(time.upstream.requestCount).toBe(1);
    await time.close();
  });
});
