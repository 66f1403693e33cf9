import { clientCredentials } from '../http/client-credentials.mjs';
import { asMessage, byQuery } from '../http/token-request.mjs';
import { loadOnSchedule } from '../load/scheduled-load.mjs';
import { withServers } from '../process/with-servers.mjs';
import { startAuthorizationServer, startService } from '../servers/node-servers.mjs';

const UPSTREAM_LATENCY_MS = 80;
/** 99 of 100 requests are for one of this many kept tokens, and one is for a new pair. */
const KEPT = 99;
const OF = 100;

/** The median latency where nearly every token is reused, as a share of the upstream's latency. */
export function measureSlowUpstream(plan, directory) {
  return withServers(async (started) => {
    const issuer = await started(startAuthorizationServer(directory, UPSTREAM_LATENCY_MS));
    const service = await started(startService(directory, { UPSTREAM_TOKEN_URL: issuer.tokenUrl }));
    const kept = Array.from({ length: KEPT }, (_, n) => asMessage(byQuery(clientCredentials(n))));
    let strangers = KEPT;
    const messageAt = (n) => kept[n % OF] ?? asMessage(byQuery(clientCredentials((strangers += 1))));

    const load = async (total) => {
      const settings = { port: service.port, connections: 2 * plan.connections, rate: plan.slowUpstreamRate };
      const { p50, failures } = await loadOnSchedule({ ...settings, total, messageAt });
      if (failures > 0) throw new Error(`${failures} of ${total} requests failed\n${service.output()}`);
      return p50;
    };
    // At least one second, because all tokens to be reused are fetched here.
    await load(plan.slowUpstreamRate * Math.max(1, plan.warmUpS));
    const before = await issuer.requests();
    const total = plan.slowUpstreamRate * plan.slowUpstreamS;
    const p50 = await load(total);
    const fetched = (await issuer.requests()) - before;
    if (fetched !== total / OF) throw new Error(`${fetched} of ${total} tokens were fetched, and not one in ${OF}`);
    return { p50, share: p50 / UPSTREAM_LATENCY_MS };
  });
}
