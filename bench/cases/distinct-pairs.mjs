import { clientCredentials } from '../http/client-credentials.mjs';
import { asMessage, byQuery } from '../http/token-request.mjs';
import { loadOnSchedule } from '../load/scheduled-load.mjs';
import { withServers } from '../process/with-servers.mjs';
import { median } from '../report/median.mjs';
import { startAuthorizationServer, startService } from '../servers/node-servers.mjs';

const SAMPLES = 400;

/**
 * The memory of a service that never sees the same client twice: its peak in MiB, and how much more it uses in the last
 * quarter of the run than in the second, when the cache (10,000 entries) has long been full.
 */
export function measureDistinctPairs(plan, directory) {
  return withServers(async (started) => {
    const issuer = await started(startAuthorizationServer(directory));
    const service = await started(startService(directory, { UPSTREAM_TOKEN_URL: issuer.tokenUrl }));
    const total = plan.distinctPairs;
    const resident = [];

    const { failures, requestsPerSecond } = await loadOnSchedule({
      port: service.port,
      connections: plan.connections,
      total,
      messageAt: (n) => asMessage(byQuery(clientCredentials(n))),
      onProgress: (answered) => {
        if (answered % Math.ceil(total / SAMPLES) === 0) resident.push(service.memory().resident);
      },
    });
    if (failures > 0) throw new Error(`${failures} of ${total} requests failed\n${service.output()}`);
    if ((await issuer.requests()) !== total) throw new Error('Not every pair got a token of its own');

    const quarter = (n) => median(resident.slice((n - 1) * (resident.length >> 2), n * (resident.length >> 2)));
    return { peak: service.memory().peak, growth: quarter(4) / quarter(2), resident, requestsPerSecond };
  });
}
