import { clientCredentials } from '../http/client-credentials.mjs';
import { expectToken } from '../http/expect-token.mjs';
import { asMessage, byBasic, byForm, byQuery } from '../http/token-request.mjs';
import { putUnderLoad } from '../load/load.mjs';
import { loadOnSchedule } from '../load/scheduled-load.mjs';
import { LOAD_CORE } from '../process/cores.mjs';
import { withServers } from '../process/with-servers.mjs';
import { median } from '../report/median.mjs';
import { hasNginx, startNginxProxy, startNginxUpstream } from '../servers/nginx.mjs';
import { startAuthorizationServer, startPeer, startService } from '../servers/node-servers.mjs';

/**
 * Requests per second, of the service and of its peers, one after the other in every round.
 *
 * @returns {Promise<Map<string, Throughput>>} by contender; a peer that is missing here is not in it
 * @typedef {{ requestsPerSecond: number, requestsPerCpuSecond: number, p50: number, p99: number, busy: number, own: boolean }} Throughput medians;
 *   `busy` is the share of its core that the server used
 *   (less than nearly all of it means that something else was what limited the figure)
 */
export function measureThroughput(plan, directory) {
  return withServers(async (started) => {
    const first = clientCredentials(0);
    const pairs = Array.from({ length: plan.pairs }, (_, n) => clientCredentials(n));
    const contenders = [];
    const enter = async (name, server, requests, own = false) => {
      await expectToken(server, requests[0], first);
      contenders.push({ name, server, requests, own, results: [] });
    };

    if (hasNginx) {
      const toNginx = await started(startNginxUpstream(directory));
      await enter(NGINX_TO_NGINX, await started(startNginxProxy(directory, toNginx.port)), [byQuery(first)]);
      const toNode = await started(startPeer('bare-http.mjs', directory, {}, LOAD_CORE));
      await enter(NGINX_TO_NODE, await started(startNginxProxy(directory, toNode.port)), [byQuery(first)]);
    }
    await enter(NODE_HTTP, await started(startPeer('bare-http.mjs', directory)), [byQuery(first)]);
    await enter(FASTIFY, await started(startPeer('bare-fastify.mjs', directory)), [byQuery(first)]);

    const issuer = await started(startAuthorizationServer(directory));
    const environment = { UPSTREAM_TOKEN_URL: issuer.tokenUrl };
    const service = await started(startService(directory, environment));
    await enter(REUSE_BY_QUERY, service, [byQuery(first)], true);
    await enter(REUSE_BY_FORM, service, [byForm(first)], true);
    await enter(REUSE_BY_BASIC, service, [byBasic(first)], true);
    const serviceOfMany = await started(startService(directory, environment));
    await keepTokens(serviceOfMany, pairs.map(byQuery), plan);
    await enter(REUSE_OF_MANY, serviceOfMany, pairs.map(byQuery), true);
    const issuedBefore = await issuer.requests();

    const forwardedTo = await started(startAuthorizationServer(directory));
    const forwarding = { UPSTREAM_TOKEN_URL: forwardedTo.tokenUrl };
    const proxy = await started(startPeer('fastify-http-proxy.mjs', directory, forwarding));
    await enter(HTTP_PROXY, proxy, pairs.map(byQuery));
    const serviceWithoutCache = await started(startService(directory, { ...forwarding, TOKEN_CACHE: 'off' }));
    await enter(FORWARDING, serviceWithoutCache, pairs.map(byQuery), true);

    for (const contender of plan.warmUpS > 0 ? contenders : []) await run(contender, plan.warmUpS, plan, directory);
    for (let round = 0; round < plan.rounds; round += 1) {
      // There and back, for what slows the machine down for a while is not to hit the same ones always.
      for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
        contender.results.push(await run(contender, plan.loadS, plan, directory));
      }
    }

    if ((await issuer.requests()) !== issuedBefore) throw new Error('What was to be reused was fetched again');
    return new Map(contenders.map(({ name, own, results }) => [name, { ...medians(results), own }]));
  });
}

export const NGINX_TO_NGINX = 'nginx to nginx';
export const NGINX_TO_NODE = 'nginx to node:http';
export const NODE_HTTP = 'node:http';
export const FASTIFY = 'Fastify route';
export const HTTP_PROXY = '@fastify/http-proxy';
export const REUSE_BY_QUERY = 'reuse, query';
export const REUSE_BY_FORM = 'reuse, form body';
export const REUSE_BY_BASIC = 'reuse, Basic';
export const REUSE_OF_MANY = 'reuse, many pairs';
export const FORWARDING = 'forwarding';

async function run({ name, server, requests }, seconds, { connections }, directory) {
  const cpuBefore = server.cpuSeconds();
  const before = performance.now();
  const result = await putUnderLoad({ port: server.port, requests, connections, seconds, directory });
  const elapsed = (performance.now() - before) / 1000;
  const { refused, unanswered } = result;
  if (refused + unanswered > 0) {
    throw new Error(`${name}: ${refused} requests were refused, ${unanswered} not answered\n${server.output()}`);
  }
  const busy = (server.cpuSeconds() - cpuBefore) / elapsed;
  return { ...result, busy, requestsPerCpuSecond: result.requestsPerSecond / busy };
}

async function keepTokens(server, requests, { connections }) {
  const messages = requests.map(asMessage);
  const load = { port: server.port, connections, total: messages.length, messageAt: (n) => messages[n] };
  const { failures } = await loadOnSchedule(load);
  if (failures > 0) throw new Error(`${failures} of ${messages.length} tokens could not be had\n${server.output()}`);
}

function medians(results) {
  const of = (figure) => median(results.map((result) => result[figure]));
  return {
    requestsPerSecond: of('requestsPerSecond'),
    requestsPerCpuSecond: of('requestsPerCpuSecond'),
    p50: of('p50'),
    p99: of('p99'),
    busy: of('busy'),
  };
}
