import { spawnSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { clientCredentials } from '../http/client-credentials.mjs';
import { expectToken } from '../http/expect-token.mjs';
import { asMessage, byQuery } from '../http/token-request.mjs';
import { Latencies } from '../load/latencies.mjs';
import { loadOnSchedule } from '../load/scheduled-load.mjs';
import { LOAD_CORE } from '../process/cores.mjs';
import { freePort } from '../process/free-port.mjs';
import { ServerProcess } from '../process/server-process.mjs';
import { withServers } from '../process/with-servers.mjs';
import { median } from '../report/median.mjs';
import { startAuthorizationServer, startService } from '../servers/node-servers.mjs';

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** Requests of one round; a service does some 10,000 a second. */
const REQUESTS_PER_SECOND = 10_000;
/** Few enough that no request waits for another one. */
const FOUND_PER_SECOND = 250;

/**
 * What the shared store costs: `reuse` is requests per second with Redis behind the memory against those with memory
 * alone; `found` is the median latency of a token that another instance fetched, `kept` that of one in memory, and
 * `roundTrip` that of the two commands that read it, all in ms, with no other request under way.
 */
export function measureSharedStore(plan, directory) {
  return withServers(async (started) => {
    const redis = await started(startRedis(directory));
    const issuer = await started(startAuthorizationServer(directory));
    const alone = { UPSTREAM_TOKEN_URL: issuer.tokenUrl };
    const shared = {
      ...alone,
      TOKEN_CACHE: 'redis',
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      TOKEN_CACHE_SECRET: 'the secret of the bench: more than 32 characters',
    };
    const [memory, one, two] = [
      await started(startService(directory, alone)),
      await started(startService(directory, shared)),
      await started(startService(directory, shared)),
    ];
    const reuse = await measureReuse(plan, [memory, one]);
    const latencies = await measureFound(plan, issuer, one, two);
    return { reuse, ...latencies, roundTrip: await measureRoundTrip(plan, redis.port) };
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

async function measureFound({ foundTokens }, issuer, one, two) {
  const oneByOne = async ({ port }) => {
    const messageAt = (n) => asMessage(byQuery(clientCredentials(n + 1)));
    const { p50, failures } = await loadOnSchedule({
      port,
      connections: 4,
      total: foundTokens,
      rate: FOUND_PER_SECOND,
      messageAt,
    });
    if (failures > 0) throw new Error(`${failures} of ${foundTokens} requests failed`);
    return p50;
  };
  await oneByOne(one);
  const before = await issuer.requests();
  const found = await oneByOne(two);
  // A busy machine may make Redis miss its 50 ms, and be bypassed for a while; the median stands while most are found.
  const fetched = (await issuer.requests()) - before;
  if (fetched > foundTokens / 4)
    throw new Error(`${fetched} of ${foundTokens} tokens of another instance were not found`);
  return { found, kept: await oneByOne(two) };
}

async function measureRoundTrip({ foundTokens }, port) {
  const redis = new Redis(port);
  const latencies = new Latencies(foundTokens);
  const [key] = await redis.keys('ca:token:*');
  for (let n = 0; n < foundTokens; n += 1) {
    const before = performance.now();
    await Promise.all([redis.getBuffer(key), redis.pttl(key)]);
    latencies.add(performance.now() - before);
  }
  redis.disconnect();
  return latencies.summary().p50;
}

async function startRedis(directory) {
  const port = await freePort();
  const command = ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory];
  return ServerProcess.start({ name: 'redis-server', core: LOAD_CORE, command, port, directory });
}
