import { clientCredentials } from '../http/client-credentials.mjs';
import { expectToken } from '../http/expect-token.mjs';
import { asMessage, byQuery } from '../http/token-request.mjs';
import { loadOnSchedule } from '../load/scheduled-load.mjs';
import { withServers } from '../process/with-servers.mjs';
import { median } from '../report/median.mjs';
import { startAuthorizationServer, startPeer, startService } from '../servers/node-servers.mjs';

/** Short enough that most slices show only the server itself, including all its small garbage collections. */
const SLICE_S = 0.05;

/**
 * The 99th percentile of reuse and of the bare Fastify route, both at the same fixed rate, in ms: of slices of a
 * twentieth of a second, and of whole rounds, where it shows how often a shared machine took the core away.
 */
export function measureLatency(rate, plan, directory) {
  return withServers(async (started) => {
    const client = clientCredentials(0);
    const request = byQuery(client);
    const message = asMessage(request);
    const issuer = await started(startAuthorizationServer(directory));
    const fastify = await started(startPeer('bare-fastify.mjs', directory));
    const service = await started(startService(directory, { UPSTREAM_TOKEN_URL: issuer.tokenUrl }));

    const load = async (server, seconds) => {
      const total = Math.ceil(rate * seconds);
      const settings = { port: server.port, connections: plan.connections, total, rate, messageAt: () => message };
      const result = await loadOnSchedule(settings);
      if (result.failures > 0) throw new Error(`${server.name}: ${result.failures} requests failed`);
      return result;
    };

    const contenders = [fastify, service].map((server) => ({ server, slices: [], rounds: [] }));
    for (const { server } of contenders) {
      await expectToken(server, request, client);
      if (plan.warmUpS > 0) await load(server, plan.warmUpS);
    }
    for (let round = 0; round < plan.latencyRounds; round += 1) {
      for (const { server, slices, rounds } of contenders) {
        const result = await load(server, plan.latencyS);
        slices.push(...result.p99OfEvery(Math.round(rate * SLICE_S)));
        rounds.push(result.p99);
      }
    }
    const [ofFastify, ofService] = contenders.map(({ slices, rounds }) => ({
      p99: median(slices),
      p99OfRounds: median(rounds),
    }));
    return { rate, fastify: ofFastify, service: ofService };
  });
}
