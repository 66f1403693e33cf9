import { clientCredentials } from '../http/client-credentials.mjs';
import { expectToken } from '../http/expect-token.mjs';
import { asMessage, byQuery } from '../http/token-request.mjs';
import { loadOnSchedule } from '../load/scheduled-load.mjs';
import { withServers } from '../process/with-servers.mjs';
import { median } from '../report/median.mjs';
import { startAuthorizationServer, startPeer, startService } from '../servers/node-servers.mjs';

/** The 99th percentile of reuse and of the bare Fastify route, both at the same fixed rate, in ms. */
export function measureLatency(rate, plan, directory) {
  return withServers(async (started) => {
    const client = clientCredentials(0);
    const request = byQuery(client);
    const message = asMessage(request);
    const issuer = await started(startAuthorizationServer(directory));
    const fastify = await started(startPeer('bare-fastify.mjs', directory));
    const service = await started(startService(directory, { UPSTREAM_TOKEN_URL: issuer.tokenUrl }));

    const p99 = async (server, seconds) => {
      const total = Math.ceil(rate * seconds);
      const load = { port: server.port, connections: plan.connections, total, rate, messageAt: () => message };
      const result = await loadOnSchedule(load);
      if (result.failures > 0) throw new Error(`${server.name}: ${result.failures} requests failed`);
      return result.p99;
    };

    const results = { fastify: [], service: [] };
    for (const server of [fastify, service]) {
      await expectToken(server, request, client);
      if (plan.warmUpS > 0) await p99(server, plan.warmUpS);
    }
    for (let round = 0; round < plan.latencyRounds; round += 1) {
      results.fastify.push(await p99(fastify, plan.latencyS));
      results.service.push(await p99(service, plan.latencyS));
    }
    return { rate, fastify: median(results.fastify), service: median(results.service) };
  });
}
