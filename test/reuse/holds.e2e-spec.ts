import { SimulatedTime } from './simulated-time.js';

describe.each(['memory', 'off'] as const)('Failing credentials with TOKEN_CACHE=%s', (tokenCache) => {
  let time: SimulatedTime;

  beforeEach(async () => {
    time = await SimulatedTime.start([['good', 'right-secret']], { tokenCache });
  });

  afterEach(() => time.close());

  it('never draw a ban in 20 minutes of hammering, and leave a right pair unaffected', async () => {
    for (let second = 0; second < 1200; second += 1) {
      const answers = await Promise.all([
        time.ask('bad', 'wrong-secret'),
        time.ask('bad', 'wrong-secret', { scope: `scope${second % 7}` }),
        time.ask('good', 'right-secret'),
      ]);
      expect(answers).toEqual([400, 400, 200]);
      time.pass(1);
    }
    const { requests, throttled } = time.upstream.count('bad', 'wrong-secret');
    expect(throttled).toBe(0);
    expect(requests).toBeGreaterThan(4);
    expect(requests).toBeLessThanOrEqual(12);
  });

  it('do not draw a ban when hundreds ask at once', async () => {
    await Promise.all(Array.from({ length: 300 }, (_, i) => time.ask('bad', 'wrong-secret', { scope: `scope${i}` })));
    expect(time.upstream.count('bad', 'wrong-secret')).toMatchObject({ requests: 1, throttled: 0 });
  });

  it('are noticed at the next forward when they begin to work', async () => {
    expect(await time.ask('new', 'new-secret')).toBe(400);
    time.upstream.clients.set('new', 'new-secret');
    expect(await time.ask('new', 'new-secret')).toBe(400);
    time.pass(5);
    expect(await time.ask('new', 'new-secret')).toBe(200);
  });

  it('cost upstream nothing more for the whole Retry-After of a 429', async () => {
    time.upstream.respondNext({ status: 429, headers: { 'Retry-After': '300' } });
    expect(await time.ask('good', 'right-secret')).toBe(429);
    for (let second = 0; second < 299; second += 1) {
      time.pass(1);
      expect(await time.ask('good', 'right-secret')).toBe(429);
    }
    expect(time.upstream.requestCount).toBe(1);
    time.pass(1);
    expect(await time.ask('good', 'right-secret')).toBe(200);
  });

  it('are forwarded anew with another secret', async () => {
    expect(await time.ask('good', 'typo-in-secret')).toBe(400);
    expect(await time.ask('good', 'right-secret')).toBe(200);
    expect(await time.ask('good', 'another-wrong-secret')).toBe(400);
    expect(time.upstream.requestCount).toBe(3);
  });
});

describe('Guessing', () => {
  let time: SimulatedTime;
  const at = (clientAddress: string) => ({ clientAddress });

  beforeEach(async () => {
    time = await SimulatedTime.start([
      ['victim', 'right-secret'],
      ['other', 'other-secret'],
    ]);
  });

  afterEach(() => time.close());

  it('is slowed, upstream is spared, and others are not locked out', async () => {
    const answers: number[] = [];
    for (let i = 0; i < 40; i += 1) answers.push(await time.ask('victim', `guess-${i}`, at('198.51.100.9')));
    expect(answers).toEqual([...Array<number>(10).fill(400), ...Array<number>(30).fill(429)]);
    expect(time.upstream.requestCount).toBe(10);
    expect(await time.ask('victim', 'right-secret', at('192.0.2.77'))).toBe(200);
  });

  it('does not keep a slowed address from a kept token', async () => {
    expect(await time.ask('victim', 'right-secret', at('198.51.100.9'))).toBe(200);
    for (let i = 0; i < 10; i += 1) await time.ask('victim', `guess-${i}`, at('198.51.100.9'));
    expect(await time.ask('victim', 'one-more-guess', at('198.51.100.9'))).toBe(429);
    expect(await time.ask('victim', 'right-secret', at('198.51.100.9'))).toBe(200);
  });

  it('counts failures only, and a repeated pair once a forward', async () => {
    for (let i = 0; i < 200; i += 1) {
      await time.ask('typo', 'the-same-wrong-secret', at('198.51.100.9'));
      expect(await time.ask('other', 'other-secret', { ...at('198.51.100.9'), scope: `s${i}` })).toBe(200);
      time.pass(1);
    }
  });
});
