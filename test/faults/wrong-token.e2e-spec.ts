import { randomInt } from 'node:crypto';
import { OAuthError } from '../../src/cells-authority/errors/oauth-error.js';
import { SimulatedTime } from '../reuse/simulated-time.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { dose } from '../support/dose.js';
import { ownerOf } from '../support/owned-token.js';
import { RawClient } from '../support/raw-client.js';
import { startService } from '../support/service.js';
import { KeepAliveClient } from './load.js';

const REQUESTS = dose(200_000, 10_000);
const REQUESTS_OVER_HTTP = dose(10_000, 1000);
const AT_ONCE = 100;
const CLIENTS = Array.from({ length: dose(1000, 100) }, (_, i): [string, string] => [
  `client-${i}`,
  `secret-of-client-${i}`,
]);
const SCOPES = [undefined, 'cells:read', 'cells:write'];
const SIMULATED_S = 1200;

interface Wish {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | undefined;
}

function anyWish(): Wish {
  const [clientId, clientSecret] = CLIENTS[randomInt(CLIENTS.length)] ?? ['', ''];
  return { clientId, clientSecret, scope: SCOPES[randomInt(SCOPES.length)] };
}

function belongsTo(token: string, { clientId, scope = '' }: Wish): boolean {
  const owner = ownerOf(token);
  return owner.clientId === clientId && owner.scope === scope;
}

/** So that simulated time waits for the answers: a round takes less of it than any limit. */
async function inRounds(requests: number, request: (nth: number) => Promise<void>): Promise<void> {
  for (let done = 0; done < requests; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => request(done + i + 1)));
  }
}

async function inParallel(requests: number, request: (nth: number) => Promise<void>): Promise<void> {
  let nth = 0;
  const one = async () => {
    while (nth < requests) await request((nth += 1));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

it(`${REQUESTS} requests of ${CLIENTS.length} clients with 3 scopes each: no token reaches another client`, async () => {
  const time = await SimulatedTime.start(CLIENTS);
  time.upstream.expiresIn = 400;
  const count = { right: 0, wrong: 0, failed: 0, aborted: 0 };

  await inRounds(REQUESTS, async (nth) => {
    const wish = anyWish();
    time.now += (SIMULATED_S * 1000) / REQUESTS;
    if (nth % 500 === 0) {
      // One at a time, or they pile up while nothing is fetched, and open the circuit.
      time.upstream.clear();
      time.upstream.respondNext({ status: 503 });
    }
    const leaver = nth % 50 === 0 ? new AbortController() : undefined;
    const token = time.service.postAccessToken(wish, {
      scope: wish.scope,
      forceRefresh: nth % 200 === 0,
      signal: leaver?.signal,
    });
    leaver?.abort(new Error('gone'));
    try {
      if (belongsTo((await token).access_token, wish)) count.right += 1;
      else count.wrong += 1;
    } catch (error) {
      if (error instanceof OAuthError) count.failed += 1;
      else count.aborted += 1;
    }
  });
  const { issued } = time.upstream;
  time.upstream.clear();
  await time.close();

  expect(count.wrong).toBe(0);
  expect(count.right).toBeGreaterThan(REQUESTS * 0.9);
  expect(count.failed).toBeGreaterThan(0);
  expect(count.aborted).toBeGreaterThan(0);
  // Each was fetched, expired and renewed a few times.
  expect(issued).toBeGreaterThan(CLIENTS.length * SCOPES.length * 2);
}, 300_000);

it(`${REQUESTS_OVER_HTTP} of them over HTTP, with clients that go away`, async () => {
  const upstream = await AsposeLimits.start({ clients: CLIENTS, expiresIn: 2, record: false });
  const service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, DOCS: 'off' });
  const client = new KeepAliveClient();
  const count = { right: 0, wrong: 0, failed: 0 };

  await inParallel(REQUESTS_OVER_HTTP, async (nth) => {
    const wish = anyWish();
    const { clientId, clientSecret, scope } = wish;
    const body = new URLSearchParams({
      client_id: clientId,
      client_secret: clientSecret,
      ...(scope === undefined ? {} : { scope }),
    }).toString();
    if (nth % 300 === 0) upstream.respondNext({ status: 500 });
    if (nth % 20 === 0) {
      const leaver = new RawClient(Number(new URL(service.origin).port));
      leaver.send(`POST /connect/token?${body} HTTP/1.1\r\nHost: a\r\n\r\n`);
      leaver.socket.once('connect', () => setImmediate(() => leaver.socket.resetAndDestroy()));
    }
    const reply = await client.post(service.origin, '/connect/token', body);
    if (reply.status !== 200) count.failed += 1;
    else if (belongsTo(String(JSON.parse(reply.body).access_token), wish)) count.right += 1;
    else count.wrong += 1;
  });
  client.close();
  await service.close();
  upstream.clear();
  await upstream.close();

  expect(count.wrong).toBe(0);
  expect(count.right).toBeGreaterThan(REQUESTS_OVER_HTTP * 0.9);
  expect(count.failed).toBeGreaterThan(0);
}, 300_000);
