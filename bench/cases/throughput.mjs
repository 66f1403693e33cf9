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
export const AXIOS = 'Fastify with axios';
export const REUSE_BY_QUERY = 'reuse, query';
export const REUSE_BY_FORM = 'reuse, form body';
export const REUSE_BY_BASIC = 'reuse, Basic';
export const REUSE_BY_ALL = 'reuse, all four forms';
export const REUSE_OF_MANY = 'reuse, many pairs';
export const FORWARDING = 'forwarding';

/** A peer that sends the headers of the service as well. */
export function withSameHeaders(peer) {
  return `${peer}, same headers`;
}

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
  const issuer = await started(startAuthorizationServer(directory));
  const environment = { UPSTREAM_TOKEN_URL: issuer.tokenUrl };
  const startReuse = () => started(startService(directory, environment));
  // A process for each form, so that V8's optimisations for one form do not affect another.
  const serviceByQuery = await startReuse();
  await enter(REUSE_BY_QUERY, serviceByQuery, [byQuery(first)], true);
  await enter(REUSE_BY_FORM, await startReuse(), [byForm(first)], true);
  await enter(REUSE_BY_BASIC, await startReuse(), [byBasic(first)], true);
  const allForms = [byQuery, byForm, byBasic, byJson].map((form) => form(first));
  const serviceOfAll = await startReuse();
  for (const request of allForms) await expectToken(serviceOfAll, request, first);
  await enter(REUSE_BY_ALL, serviceOfAll, allForms, true);
  const serviceOfMany = await startReuse();
  await keepTokens(serviceOfMany, pairs.map(byQuery), plan);
  await enter(REUSE_OF_MANY, serviceOfMany, pairs.map(byQuery), true);

  const sameHeaders = { MORE_HEADERS: JSON.stringify(await headersOf(serviceByQuery, byQuery(first))) };
  for (const [name, file, request] of [
    [FASTIFY, 'bare-fastify.mjs', byQuery(first)],
    [FASTIFY_FORM, 'fastify-form.mjs', byForm(first)],
    [FASTIFY_BASIC, 'fastify-basic.mjs', byBasic(first)],
  ]) {
    await enter(name, await started(startPeer(file, directory)), [request]);
    await enter(withSameHeaders(name), await started(startPeer(file, directory, sameHeaders)), [request]);
  }

  const forwardedTo = await started(startAuthorizationServer(directory));
  const forwarding = { UPSTREAM_TOKEN_URL: forwardedTo.tokenUrl };
  const proxy = await started(startPeer('fastify-http-proxy.mjs', directory, forwarding));
  await enter(HTTP_PROXY, proxy, pairs.map(byQuery));
  const axios = await started(startPeer('fastify-axios.mjs', directory, forwarding));
  await enter(AXIOS, axios, pairs.map(byQuery));
  const serviceWithoutCache = await started(startService(directory, { ...forwarding, TOKEN_CACHE: 'off' }));
  await enter(FORWARDING, serviceWithoutCache, pairs.map(byQuery), true);

  const issuedBefore = await issuer.requests();
  const check = async () => {
    if ((await issuer.requests()) !== issuedBefore) throw new Error('What was to be reused was fetched again');
  };
  return { contenders, check };
}

/** The headers of an answer, but for those that Fastify sends itself. */
async function headersOf(server, { method, path }) {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  await response.arrayBuffer();
  const own = new Set(['content-type', 'content-length', 'date', 'connection', 'keep-alive']);
  return Object.fromEntries([...response.headers].filter(([name]) => !own.has(name)));
}

async function keepTokens(server, requests, { connections }) {
  const messages = requests.map(asMessage);
  const load = { port: server.port, connections, total: messages.length, messageAt: (n) => messages[n] };
  const { failures } = await loadOnSchedule(load);
  if (failures > 0) throw new Error(`${failures} of ${messages.length} tokens could not be had\n${server.output()}`);
}
