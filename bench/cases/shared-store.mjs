import { spawnSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { clientCredentials } from '../http/client-credentials.mjs';
import { expectToken } from '../http/expect-token.mjs';
import { asMessage, byQuery } from '../http/token-request.mjs';
import { openConnections } from '../load/keep-alive-connection.mjs';
import { Latencies } from '../load/latencies.mjs';
import { loadOnSchedule } from '../load/scheduled-load.mjs';
import { LOAD_CORE } from '../process/cores.mjs';
import { freePort } from '../process/free-port.mjs';
import { ServerProcess } from '../process/server-process.mjs';
import { withServers } from '../process/with-servers.mjs';
import { median } from '../report/median.mjs';
import { peerSettings, startAuthorizationServer, startService } from '../servers/node-servers.mjs';

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** A service answers about 10,000 requests a second. */
const REQUESTS_PER_SECOND = 10_000;
/** One way: about the delay between two data centres in the same city. */
const LINK_DELAY_MS = 1;

/**
 * What the shared store costs. `reuse` compares requests per second with Redis behind the memory and with memory only.
 * `link` and `loopback` are for a token that another instance fetched, with Redis behind a slow link and on loopback,
 * without other requests; medians in ms: `found` for such a token, `kept` for the same token once it is in memory, and
 * `roundTrip` for the two commands that read it, sent by ioredis alone over the same link.
 */
export function measureSharedStore(plan, directory) {
  return withServers(async (started) => {
    const redis = await started(startRedis(directory));
    const link = await started(startLink(directory, redis.port));
    const issuer = await started(startAuthorizationServer(directory));
    const alone = { UPSTREAM_TOKEN_URL: issuer.tokenUrl };
    const shared = (redisPort) => ({
      ...alone,
      TOKEN_CACHE: 'redis',
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      TOKEN_CACHE_SECRET: 'the secret of the bench: more than 32 characters',
    });
    const [memory, one, near, far] = [
      await started(startService(directory, alone)),
      await started(startService(directory, shared(redis.port))),
      await started(startService(directory, shared(redis.port))),
      await started(startService(directory, shared(link.port))),
    ];
    const reuse = await measureReuse(plan, [memory, one]);
    const loopback = await measureFound(plan, issuer, one, { finder: near, redisPort: redis.port });
    return { reuse, loopback, link: await measureFound(plan, issuer, one, { finder: far, redisPort: link.port }) };
  });
}

async function measureReuse(plan, servers) {
  const client = clientCredentials(0);
  const request = byQuery(client);
  const results = servers.map(() => []);
  const total = REQUESTS_PER_SECOND * plan.loadS;
  for (const server of servers) await expectToken(server, request, client);
  for (let round = -1; round < plan.rounds; round += 1) {
    for (const [index, { port }] of servers.entries()) {
      const load = { port, connections: plan.connections, total, messageAt: () => asMessage(request) };
      const { failures, requestsPerSecond } = await loadOnSchedule(load);
      if (failures > 0) throw new Error(`${failures} of ${total} requests failed`);
      if (round >= 0) results[index].push(requestsPerSecond);
    }
  }
  return median(results[1]) / median(results[0]);
}

/** One request at a time, each kind in turn, so that other work on the machine affects all of them alike. */
async function measureFound({ foundTokens }, issuer, fetcher, { finder, redisPort }) {
  const redis = new Redis(redisPort);
  const [fetching] = await openConnections(fetcher.port, 1);
  const [finding] = await openConnections(finder.port, 1);
  const [found, kept, roundTrip] = Array.from({ length: 3 }, () => new Latencies(foundTokens));
  try {
    for (let n = 1; n <= foundTokens; n += 1) await answerTo(fetching, n);
    const [key] = await redis.keys('ca:token:*');
    const before = await issuer.requests();
    for (let n = 1; n <= foundTokens; n += 1) {
      found.add(await timed(() => answerTo(finding, n)));
      kept.add(await timed(() => answerTo(finding, n)));
      roundTrip.add(await timed(() => Promise.all([redis.getBuffer(key), redis.pttl(key)])));
    }
    expectFound(foundTokens, (await issuer.requests()) - before);
  } finally {
    redis.disconnect();
    fetching.close();
    finding.close();
  }
  return { found: found.summary().p50, kept: kept.summary().p50, roundTrip: roundTrip.summary().p50 };
}

/** On a busy machine Redis may miss its 50 ms and be bypassed for a while. The median holds if most are found. */
function expectFound(total, fetched) {
  if (fetched > total / 4) throw new Error(`${fetched} of ${total} tokens of another instance were not found`);
}

function answerTo(connection, n) {
  return new Promise((resolve, reject) => {
    connection.send(asMessage(byQuery(clientCredentials(n))), (status) => {
      if (status === 200) resolve();
      else reject(new Error(`A token request was answered with ${status ?? 'nothing'}`));
    });
  });
}

async function timed(work) {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

async function startRedis(directory) {
  const port = await freePort();
  const command = ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory];
  return ServerProcess.start({ name: 'redis-server', core: LOAD_CORE, command, port, directory });
}

/** A link like the one to Redis on another machine. */
async function startLink(directory, redisPort) {
  const environment = { TARGET_PORT: String(redisPort), DELAY_MS: String(LINK_DELAY_MS) };
  return ServerProcess.start(await peerSettings('slow-link.mjs', directory, environment, LOAD_CORE));
}
