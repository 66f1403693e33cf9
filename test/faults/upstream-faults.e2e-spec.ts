import dns from 'node:dns';
import { CacheKeys } from '../../src/cells-authority/token-cache/cache-keys.js';
import { TokenCache } from '../../src/cells-authority/token-cache/token-cache.js';
import { IssuedToken } from '../../src/cells-authority/authorization-server/issued-token.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { dose } from '../support/dose.js';
import { exchange, type WireReply } from '../support/http-exchange.js';
import { ownedToken } from '../support/owned-token.js';
import { FAULTY_TOKEN } from '../support/raw-reply.js';
import { RawClient } from '../support/raw-client.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { type RunningService, startService } from '../support/service.js';
import {
  type FaultyUpstream,
  idleSocketFaults,
  relayedErrors,
  unkeptLifetimes,
  unreadableErrors,
  type UpstreamFault,
  upstreamFaults,
} from '../support/upstream-faults.js';
import { answerToken } from '../support/upstream-scripts.js';
import { caFile, settled, tcpAndTimers } from './resources.js';

const AT_ONCE = dose(100, 10);
/** For faults that use up a time limit: shorter, in the contract's proportions. Its own figures are tested below. */
const CONNECT_BUDGET_MS = 500;
const BUDGET_MS = 1500;
const SHORT_BUDGETS = {
  UPSTREAM_TIMEOUT_MS: String(BUDGET_MS),
  UPSTREAM_CONNECT_TIMEOUT_MS: String(CONNECT_BUDGET_MS),
};
const TOLERANCE_MS = 250;
const PATH = '/v4.0/cells/connect/token';
const KEPT: Client = { id: 'kept-client', secret: 'kept-client-secret-0123456789' };

interface Client {
  readonly id: string;
  readonly secret: string;
}

interface TimedReply extends WireReply {
  readonly ms: number;
}

const clientsOf = (name: string): Client[] =>
  Array.from({ length: AT_ONCE }, (_, i) => ({ id: `${name}-${i}`, secret: `secret-of-${name}-${i}-0123456789` }));

async function ask(origin: string, { id, secret }: Client, ...headers: string[]): Promise<TimedReply> {
  const started = realTime();
  const reply = await exchange(origin, {
    path: PATH,
    headers: ['Content-Type', 'application/x-www-form-urlencoded', ...headers],
    body: new URLSearchParams({ client_id: id, client_secret: secret }).toString(),
  });
  return { ...reply, ms: realTime() - started };
}

async function serviceFor(upstream: FaultyUpstream, settings: Record<string, string> = {}): Promise<RunningService> {
  return startService({
    UPSTREAM_TOKEN_URL: upstream.tokenUrl,
    UPSTREAM_TIMEOUT_MS: '30000',
    UPSTREAM_CONNECT_TIMEOUT_MS: '20000',
    UPSTREAM_MAX_CONNECTIONS: '256',
    ...(upstream.ca === undefined ? {} : { UPSTREAM_CA_FILE: caFile(upstream.ca) }),
    DOCS: 'off',
    METRICS: 'off',
    ...settings,
  });
}

/** As if it had been fetched while the authorization server still worked. */
async function keepToken({ app }: RunningService, { id, secret }: Client): Promise<string> {
  const accessToken = ownedToken({ clientId: id, scope: '', serial: 1 });
  const token = IssuedToken.parse(
    JSON.stringify({ access_token: accessToken, token_type: 'Bearer', expires_in: 86_400 }),
  );
  if (token === undefined) throw new Error('not a token response');
  const key = app.get(CacheKeys, { strict: false }).token({ clientId: id, clientSecret: secret }, undefined);
  await app
    .get(TokenCache, { strict: false })
    .fetch({ key, pair: undefined }, { maxAge: Infinity, minFresh: 0, forceRefresh: false }, () =>
      Promise.resolve(token),
    );
  return accessToken;
}

function expectJson({ headers }: WireReply): void {
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    pragma: 'no-cache',
  });
}

function expectNothingSecret({ body, headers }: WireReply, clients: readonly Client[]): void {
  const shown = body + JSON.stringify(headers);
  expect(shown).not.toContain(FAULTY_TOKEN);
  expect(clients.filter(({ secret }) => shown.includes(secret))).toEqual([]);
}

/** Faults that end their connection. After a complete answer it stays open for the next request. */
const endsConnection = ({ row, fault }: UpstreamFault) => row <= 8 && fault !== 'JSON cut off';

type LookupAll = (
  hostname: string,
  options: dns.LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: dns.LookupAddress[]) => void,
) => void;

/** Answers at once like a resolver for such a name (RFC 6761 §6.4): the machine's own may be slow or missing. */
function answerNotFound(): void {
  const real = dns.lookup;
  const fake: LookupAll = (hostname, options, done) => {
    if (hostname.endsWith('.invalid')) setImmediate(done, Object.assign(new Error(), { code: 'ENOTFOUND' }), []);
    else real(hostname, options, done);
  };
  jest.spyOn(dns, 'lookup').mockImplementation(fake as typeof dns.lookup);
}

/** The service's clock stands still meanwhile, so that for the circuit all failures at once are one event. */
const realTime = performance.now.bind(performance);

describe(`Upstream faults, ${AT_ONCE} at once`, () => {
  beforeAll(() => {
    answerNotFound();
    jest.spyOn(performance, 'now').mockReturnValue(1_000_000);
  });
  afterAll(() => jest.restoreAllMocks());

  it.each(upstreamFaults)('$row: $fault gets $status', async (fault) => {
    const before = tcpAndTimers();
    const upstream = await fault.start();
    const service = await serviceFor(upstream, fault.row === 2 || fault.row === 4 ? SHORT_BUDGETS : {});
    const clients = clientsOf('cold');
    const keptToken = await keepToken(service, KEPT);
    try {
      const [kept, ...replies] = await Promise.all([
        ask(service.origin, KEPT, 'Cache-Control', 'no-cache'),
        ...clients.map((client) => ask(service.origin, client)),
      ]);

      for (const reply of replies) {
        expect(reply.status).toBe(fault.status);
        expectJson(reply);
        expectNothingSecret(reply, clients);
        const body = JSON.parse(reply.body);
        if (fault.error !== undefined) {
          expect(body).toEqual({
            error: fault.error,
            error_description: expect.any(String),
            message: body.error_description,
          });
        }
        if (fault.status === 503 || fault.status === 429) expect(reply.headers['retry-after']).toMatch(/^\d+$/);
      }
      const budget = { 2: CONNECT_BUDGET_MS, 4: BUDGET_MS }[fault.row] ?? 0;
      expect(Math.min(...replies.map(({ ms }) => ms))).toBeGreaterThan(budget - TOLERANCE_MS);

      // 16: the same while a token that is still valid is kept.
      expect(kept.status).toBe(200);
      expect(JSON.parse(kept.body).access_token).toBe(keptToken);

      // A retry only if the request cannot have been seen; and no redirect is followed.
      if (upstream.requests.length > 0) expect(upstream.requests).toHaveLength(AT_ONCE + 1);
      expect(upstream.elsewhere?.connections ?? []).toEqual([]);
      if (endsConnection(fault)) await settled(() => upstream.connections.every(({ open }) => !open));
    } finally {
      await service.close();
      await upstream.close();
    }
    await settled(() => tcpAndTimers() <= before);
  });

  it.each(idleSocketFaults)('$row: $fault gets a token by one retry', async (fault) => {
    const upstream = await fault.start();
    const service = await serviceFor(upstream, { UPSTREAM_MAX_CONNECTIONS: String(AT_ONCE) });
    try {
      const warm = await Promise.all(clientsOf('warm').map((client) => ask(service.origin, client)));
      const opened = upstream.connections.length;
      const replies = await Promise.all(clientsOf('cold').map((client) => ask(service.origin, client)));

      expect(warm.map(({ status }) => status)).toEqual(warm.map(() => 200));
      expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
      expect(upstream.connections.length).toBeGreaterThan(opened);
    } finally {
      await service.close();
      await upstream.close();
    }
  });

  it.each(idleSocketFaults)('$row: $fault, and the retry avoids all other idle sockets', async (fault) => {
    const upstream = await fault.start();
    const service = await serviceFor(upstream, { UPSTREAM_MAX_CONNECTIONS: '20' });
    try {
      await Promise.all(clientsOf('warm').map((client) => ask(service.origin, client)));

      const reply = await ask(service.origin, KEPT);

      expect(reply.status).toBe(200);
    } finally {
      await service.close();
      await upstream.close();
    }
  });

  it.each(unkeptLifetimes)('10: expires_in $name is relayed and not kept', async ({ start, relayed }) => {
    const upstream = await start();
    const service = await serviceFor(upstream);
    try {
      for (let time = 1; time <= 2; time += 1) {
        const reply = await ask(service.origin, KEPT);
        expect(reply.status).toBe(200);
        expect(JSON.parse(reply.body).expires_in).toEqual(relayed);
        expect(upstream.requests).toHaveLength(time);
      }
    } finally {
      await service.close();
      await upstream.close();
    }
  });

  it.each(relayedErrors)(`relays $status $body, ${AT_ONCE} at once`, async ({ start, status, body }) => {
    const upstream = await start();
    const service = await serviceFor(upstream);
    try {
      for (const reply of await Promise.all(clientsOf('refused').map((client) => ask(service.origin, client)))) {
        expect(reply).toMatchObject({ status, body });
        expectJson(reply);
      }
    } finally {
      await service.close();
      await upstream.close();
    }
  });

  it.each(unreadableErrors)('answers 502 to $status with a page', async ({ start }) => {
    const upstream = await start();
    const service = await serviceFor(upstream);
    try {
      const reply = await ask(service.origin, KEPT);
      expect(reply.status).toBe(502);
      expect(JSON.parse(reply.body).error).toBe('server_error');
    } finally {
      await service.close();
      await upstream.close();
    }
  });
});

describe('Default time limits', () => {
  it('2 and 4: answers at 2 s and at 8 s', async () => {
    const faults = upstreamFaults.filter(({ fault }) =>
      ['connect black hole', 'headers never come', 'body one byte a second'].includes(fault),
    );
    await Promise.all(
      faults.map(async (fault) => {
        const upstream = await fault.start();
        const service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, DOCS: 'off' });
        try {
          const { status, ms } = await ask(service.origin, KEPT);
          const budget = fault.row === 2 ? 2000 : 8000;
          expect(status).toBe(504);
          expect(ms).toBeGreaterThan(budget - TOLERANCE_MS);
          expect(ms).toBeLessThan(2 * budget);
        } finally {
          await service.close();
          await upstream.close();
        }
      }),
    );
    expect(faults).toHaveLength(3);
  });
});

describe('15: the client that leads a single flight goes away', () => {
  it('leaves the others their token', async () => {
    const upstream = await AsposeLimits.start({ clients: [[KEPT.id, KEPT.secret]], latencyMs: 300 });
    const service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, DOCS: 'off' });
    try {
      const body = new URLSearchParams({ client_id: KEPT.id, client_secret: KEPT.secret }).toString();
      const leader = new RawClient(Number(new URL(service.origin).port));
      leader.send(
        `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
          `Content-Length: ${body.length}\r\n\r\n${body}`,
      );
      await settled(() => upstream.requestCount === 1);
      leader.socket.resetAndDestroy();

      const replies = await Promise.all(Array.from({ length: AT_ONCE }, () => ask(service.origin, KEPT)));

      expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
      expect(upstream.requestCount).toBe(1);
    } finally {
      await service.close();
      await upstream.close();
    }
  });
});

describe('An authorization server that comes back', () => {
  it('is used again on the next request', async () => {
    const upstream = await startScriptedServer((exchangeWithUs) => {
      if (upstream.requests.length <= 3) exchangeWithUs.reset();
      else answerToken(exchangeWithUs);
    });
    const service = await serviceFor(upstream);
    try {
      const statuses: number[] = [];
      for (let time = 1; time <= 4; time += 1) statuses.push((await ask(service.origin, KEPT)).status);
      expect(statuses).toEqual([502, 502, 502, 200]);
    } finally {
      await service.close();
      await upstream.close();
    }
  });
});
