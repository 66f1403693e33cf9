import { dose } from '../support/dose.js';
import { SimulatedTime } from './simulated-time.js';

const CACHES = dose<readonly ('memory' | 'off')[]>(['memory', 'off'], ['memory']);
const SECRET = 'right-secret';
const SCOPES = Array.from({ length: 50 }, (_, i) => `scope-${i}`);

describe.each(CACHES)('Aspose’s ban, with TOKEN_CACHE=%s, is not drawn', (tokenCache) => {
  let time: SimulatedTime;

  beforeEach(async () => {
    time = await SimulatedTime.start([['client', SECRET]], { tokenCache });
  });

  afterEach(async () => {
    expect(time.upstream.mostFailures('client', SECRET)).toBeGreaterThan(1);
    expect(time.upstream.mostFailures('client', SECRET)).toBeLessThanOrEqual(4);
    expect(time.upstream.count('client', SECRET).throttled).toBe(0);
    await time.close();
  });

  const askAll = (scopes: readonly (string | undefined)[]) =>
    Promise.all(scopes.map((scope) => time.ask('client', SECRET, { scope })));
  const revoke = () => time.upstream.clients.delete('client');
  const restore = () => time.upstream.clients.set('client', SECRET);

  it('by 20 at once of a pair that was revoked after it had worked', async () => {
    expect(await askAll([undefined])).toEqual([200]);
    revoke();
    for (let second = 0; second < 1300; second += 10) {
      const answers = await askAll(Array.from({ length: 20 }, (_, i) => `new-${second}-${i}`));
      expect(new Set(answers)).toEqual(new Set([400]));
      time.pass(10);
    }
  });

  it('by 50 scopes of a pair that was revoked after it had worked with all of them', async () => {
    expect(new Set(await askAll(SCOPES))).toEqual(new Set([200]));
    revoke();
    time.pass(86_400);
    for (let minute = 0; minute < 25; minute += 1) {
      expect(new Set(await askAll(SCOPES))).toEqual(new Set([400]));
      time.pass(60);
    }
  });

  it('by an authorization server that alternately refuses and accepts', async () => {
    for (let second = 0; second < 1300; second += 5) {
      restore();
      await askAll([`good-${second}`]);
      revoke();
      await askAll([`bad-${second}`]);
      time.pass(5);
    }
  });

  it('by a pair that is revoked and restored while 8 requests are under way', async () => {
    time.upstream.latencyMs = 2;
    for (let round = 0; round < 100; round += 1) {
      restore();
      const asked = askAll(Array.from({ length: 8 }, (_, i) => `scope-${round}-${i}`));
      if (round % 2 === 1) revoke();
      await asked;
      time.pass(7);
    }
  });

  it('by 300 scopes that the pair may not have', async () => {
    const wrong = Array.from({ length: 300 }, (_, i) => `wrong-${i}`);
    for (const scope of wrong) time.upstream.refusedScopes.add(scope);
    for (let minute = 0; minute < 25; minute += 1) {
      const answers = await askAll(wrong);
      expect(answers.every((status) => status === 400 || status === 429)).toBe(true);
      time.pass(60);
    }
  });

  it('by a scope that the pair may not have, while its other requests go on', async () => {
    time.upstream.refusedScopes.add('wrong');
    for (let second = 0; second < 1300; second += 5) {
      const [wrong, right] = await askAll(['wrong', `right-${second}`]);
      expect([wrong, right]).toEqual([400, 200]);
      time.pass(5);
    }
  });
});
