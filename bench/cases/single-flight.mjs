import { clientCredentials } from '../http/client-credentials.mjs';
import { expectToken } from '../http/expect-token.mjs';
import { asMessage, byQuery } from '../http/token-request.mjs';
import { loadOnSchedule } from '../load/scheduled-load.mjs';
import { withServers } from '../process/with-servers.mjs';
import { median } from '../report/median.mjs';
import { startAuthorizationServer, startService } from '../servers/node-servers.mjs';

const UPSTREAM_LATENCY_MS = 100;

/**
 * Many requests of one pair at once while nothing is kept for it: the number of upstream requests, and the time until
 * the last one is answered, in units of the upstream's latency. Connections are already open, as with a load balancer.
 */
export function measureSingleFlight(plan, directory) {
  return withServers(async (started) => {
    const issuer = await started(startAuthorizationServer(directory, UPSTREAM_LATENCY_MS));
    const service = await started(startService(directory, { UPSTREAM_TOKEN_URL: issuer.tokenUrl }));
    await expectToken(service, byQuery(clientCredentials(0)), clientCredentials(0));

    const latencies = [];
    let upstreamRequests = 0;
    for (let round = 0; round < plan.coldWarmUps + plan.coldRounds; round += 1) {
      const before = await issuer.requests();
      const message = asMessage(byQuery(clientCredentials(round + 1)));
      const total = plan.coldRequests;
      const load = { port: service.port, connections: total, total, messageAt: () => message };
      const { max, failures } = await loadOnSchedule(load);
      if (failures > 0) throw new Error(`${failures} of ${total} requests failed\n${service.output()}`);
      upstreamRequests = Math.max(upstreamRequests, (await issuer.requests()) - before);
      if (round >= plan.coldWarmUps) latencies.push(max / UPSTREAM_LATENCY_MS);
    }
    return { upstreamRequests, latency: median(latencies) };
  });
}
