import { clientCredentials } from '../http/client-credentials.mjs';
import { expectToken } from '../http/expect-token.mjs';
import { asMessage, byBasic, byForm, byJson, byQuery } from '../http/token-request.mjs';
import { contest } from '../load/contest.mjs';
import { loadOnSchedule } from '../load/scheduled-load.mjs';
import { LOAD_CORE } from '../process/cores.mjs';
import { hasNginx, startNginxProxy, startNginxUpstream } from '../servers/nginx.mjs';
import { startAuthorizationServer, startPeer, startService } from '../servers/node-servers.mjs';

export const NGINX_TO_NGINX = 'nginx to nginx';
export const NGINX_TO_NODE = 'nginx to node:http';
const NODE_HTTP = 'node:http';
export const FASTIFY = 'Fastify route';
export const FASTIFY_FORM = 'Fastify, form body';
export const FASTIFY_BASIC = 'Fastify, Basic';
export const HTTP_PROXY = '@fastify/http-proxy';
export const REUSE_BY_QUERY = 'reuse, query';
export const REUSE_BY_FORM = 'reuse, form body';
export const REUSE_BY_BASIC = 'reuse, Basic';
export const REUSE_BY_ALL = 'reuse, all four forms';
export const REUSE_OF_MANY = 'reuse, many pairs';
export const FORWARDING = 'forwarding';

/**
 * Requests per second for tokens, of the service and of its peers.
 *
 * @returns {Promise<Map<string, import('../load/contest.mjs').Throughput>>} by contender; a peer that is missing here is
 *   not in it
 */
export function measureThroughput(plan, directory) {
  return contest((started) => enterAll(started, plan, directory), plan, directory);
}

/** Starts every server and checks its answer. */
async function enterAll(started, plan, directory) {
  const first = clientCredentials(0);
  const pairs = Array.from({ length: plan.pairs }, (_, n) => clientCredentials(n));
  const contenders = [];
  const enter = async (name, server, requests, own = false) => {
    await expectToken(server, requests[0], first);
    contenders.push({ name, server, requests, own });
  };

  if (hasNginx) {
    const toNginx = await started(startNginxUpstream(directory));
    await enter(NGINX_TO_NGINX, await started(startNginxProxy(directory, toNginx.port)), [byQuery(first)]);
    const toNode = await started(startPeer('bare-http.mjs', directory, {}, LOAD_CORE));
    await enter(NGINX_TO_NODE, await started(startNginxProxy(directory, toNode.port)), [byQuery(first)]);
  }
  await enter(NODE_HTTP, await started(startPeer('bare-http.mjs', directory)), [byQuery(first)]);
  await enter(FASTIFY, await started(startPeer('bare-fastify.mjs', directory)), [byQuery(first)]);
  await enter(FASTIFY_FORM, await started(startPeer('fastify-form.mjs', directory)), [byForm(first)]);
  await enter(FASTIFY_BASIC, await started(startPeer('fastify-basic.mjs', directory)), [byBasic(first)]);

  const issuer = await started(startAuthorizationServer(directory));
  const environment = { UPSTREAM_TOKEN_URL: issuer.tokenUrl };
  const startReuse = () => started(startService(directory, environment));
  // A process for each form, so that V8's optimisations for one form do not affect another.
  await enter(REUSE_BY_QUERY, await startReuse(), [byQuery(first)], true);
  await enter(REUSE_BY_FORM, await startReuse(), [byForm(first)], true);
  await enter(REUSE_BY_BASIC, await startReuse(), [byBasic(first)], true);
  const allForms = [byQuery, byForm, byBasic, byJson].map((form) => form(first));
  const serviceOfAll = await startReuse();
  for (const request of allForms) await expectToken(serviceOfAll, request, first);
  await enter(REUSE_BY_ALL, serviceOfAll, allForms, true);
  const serviceOfMany = await startReuse();
  await keepTokens(serviceOfMany, pairs.map(byQuery), plan);
  await enter(REUSE_OF_MANY, serviceOfMany, pairs.map(byQuery), true);

  const forwardedTo = await started(startAuthorizationServer(directory));
  const forwarding = { UPSTREAM_TOKEN_URL: forwardedTo.tokenUrl };
  const proxy = await started(startPeer('fastify-http-proxy.mjs', directory, forwarding));
  await enter(HTTP_PROXY, proxy, pairs.map(byQuery));
  const serviceWithoutCache = await started(startService(directory, { ...forwarding, TOKEN_CACHE: 'off' }));
  await enter(FORWARDING, serviceWithoutCache, pairs.map(byQuery), true);

  const issuedBefore = await issuer.requests();
  const check = async () => {
    if ((await issuer.requests()) !== issuedBefore) throw new Error('What was to be reused was fetched again');
  };
  return { contenders, check };
}

async function keepTokens(server, requests, { connections }) {
  const messages = requests.map(asMessage);
  const load = { port: server.port, connections, total: messages.length, messageAt: (n) => messages[n] };
  const { failures } = await loadOnSchedule(load);
  if (failures > 0) throw new Error(`${failures} of ${messages.length} tokens could not be had\n${server.output()}`);
}
