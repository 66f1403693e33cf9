import { dose } from '../support/dose.js';
import { SimulatedTime } from './simulated-time.js';

const CACHES = dose<readonly ('memory' | 'off')[]>(['memory', 'off'], ['memory']);
/** All of these are one client. */
const SPELLINGS = (nth: number) => [`192.0.2.9:${1024 + nth}`, '::ffff:c000:209', '[::ffff:192.0.2.9]:1', '192.0.2.9'];

describe.each(CACHES)('Guessing with TOKEN_CACHE=%s', (tokenCache) => {
  let time: SimulatedTime;

  beforeEach(async () => {
    time = await SimulatedTime.start([['victim', 'right-secret']], { tokenCache });
  });
  afterEach(() => time.close());

  it('1,500 secrets at once from one address sends 10, and harms nobody elsewhere', async () => {
    const guesses = Array.from({ length: 1500 }, (_, nth) =>
      time.ask('victim', `guess ${nth}`, { clientAddress: SPELLINGS(nth)[nth % 4] }),
    );
    const victim = time.ask('victim', 'right-secret', { clientAddress: '192.0.2.1' });
    const statuses = await Promise.all(guesses);
    expect(await victim).toBe(200);
    expect(time.upstream.requestCount).toBe(11);
    expect(statuses.filter((status) => status === 400)).toHaveLength(10);
    // 1,024 waited for these; the others were refused at once.
    expect(new Set(statuses)).toEqual(new Set([400, 429, 503]));
  });

  it('from 130 networks of one /48 sends 40', async () => {
    for (let nth = 0; nth < 130; nth += 1) {
      await time.ask('victim', `guess ${nth}`, { clientAddress: `2001:db8:0:${nth.toString(16)}::1` });
    }
    expect(time.upstream.requestCount).toBe(40);
  });

  it('does not affect clients with the right secret at one address, however many ask at once', async () => {
    for (let nth = 0; nth < 300; nth += 1) time.upstream.clients.set(`client ${nth}`, 'right-secret');
    const statuses = await Promise.all(
      Array.from({ length: 300 }, (_, nth) => time.ask(`client ${nth}`, 'right-secret')),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});
