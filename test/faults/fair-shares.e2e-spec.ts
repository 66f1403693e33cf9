import { SimulatedTime } from '../reuse/simulated-time.js';

const ATTACKER = { clientAddress: '198.51.100.9' };
const ELSEWHERE = { clientAddress: '192.0.2.1' };
const ALSO_ELSEWHERE = { clientAddress: '2001:db8::1' };

describe('A client that sends made-up pairs from one address', () => {
  let time: SimulatedTime;

  beforeEach(async () => {
    const clients = Array.from({ length: 25 }, (_, nth): [string, string] => [`client ${nth}`, 'secret']);
    time = await SimulatedTime.start(clients, { upstreamMaxConnections: 2, observer: (event) => events.push(event) });
    events.length = 0;
  });
  afterEach(() => time.close());

  const events: { readonly type: string }[] = [];

  it('waits for them, and others do not', async () => {
    time.upstream.latencyMs = 5;
    const madeUp = Array.from({ length: 60 }, (_, nth) => time.ask(`made up ${nth}`, 'x', ATTACKER));
    const others = [time.ask('client 1', 'secret', ELSEWHERE), time.ask('client 2', 'secret', ALSO_ELSEWHERE)];

    expect(await Promise.all(others)).toEqual([200, 200]);
    // Two were sent before anybody had to wait; then the addresses take turns.
    expect(time.upstream.requestCount).toBeLessThan(10);
    // The line is full of its requests: the surplus is turned away, and not the others.
    const statuses = await Promise.all(madeUp);
    expect(statuses.filter((status) => status === 503)).toHaveLength(28);
  });

  it('does not open the circuit for others if they make the authorization server fail', async () => {
    for (let nth = 0; nth < 6; nth += 1) {
      for (let attack = 0; attack < 6; attack += 1) {
        time.upstream.respondNext({ status: 500 });
        expect(await time.ask(`made up ${nth} ${attack}`, 'x', ATTACKER)).toBe(503);
        time.upstream.clear();
        time.pass(0.3);
      }
      expect(await time.ask(`client ${nth}`, 'secret', nth % 2 === 0 ? ELSEWHERE : ALSO_ELSEWHERE)).toBe(200);
    }
    expect(events.filter(({ type }) => type === 'not_forwarded').length).toBeGreaterThan(0);
  });

  it('opens it for everybody once upstream fails for three addresses, and closes it afterwards', async () => {
    const dead = async (status: number, clientAddress: string, nth: number) => {
      time.upstream.respondNext({ status: 500 });
      expect(await time.ask(`dead ${clientAddress} ${nth}`, 'x', { clientAddress })).toBe(status);
      time.pass(0.3);
    };
    for (let nth = 0; nth < 5; nth += 1) await dead(503, '192.0.2.1', nth);
    await dead(503, '192.0.2.2', 0);
    await dead(503, '192.0.2.3', 0);
    const sent = time.upstream.requestCount;
    expect(await time.ask('client 1', 'secret', { clientAddress: '192.0.2.4' })).toBe(503);
    expect(time.upstream.requestCount).toBe(sent);

    time.pass(5);
    time.upstream.clear();
    expect(await time.ask('client 1', 'secret', { clientAddress: '192.0.2.4' })).toBe(200);
    expect(await time.ask('client 2', 'secret', { clientAddress: '192.0.2.1' })).toBe(200);
  });
});
