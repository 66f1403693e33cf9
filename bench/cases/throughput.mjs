import { clientCredentials } from '../http/client-credentials.mjs';
import { expectToken } from '../http/expect-token.mjs';
import { asMessage, byBasic, byForm, byJson, byQuery } from '../http/token-request.mjs';
import { putUnderLoad } from '../load/load.mjs';
import { loadOnSchedule } from '../load/scheduled-load.mjs';
import { LOAD_CORE } from '../process/cores.mjs';
import { countsInstructions } from '../process/instructions.mjs';
import { withServers } from '../process/with-servers.mjs';
import { median } from '../report/median.mjs';
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
 * Requests per second, of the service and of its peers, one after the other in every round. All of them are started anew
 * several times; the figures are medians over these generations of processes.
 *
 * @returns {Promise<Map<string, Throughput>>} by contender; a peer that is missing here is not in it
 * @typedef {{ requestsPerSecond: number, requestsPerCpuSecond: number, instructionsPerRequest: number | undefined,
 *   p50: number, p99: number, busy: number, own: boolean }} Throughput medians; `busy` is the share of its core that the
 *   server used (less than nearly all of it means that something else was what limited the figure)
 */
export async function measureThroughput(plan, directory) {
  const generations = [];
  for (let nth = 0; nth < plan.generations; nth += 1) {
    generations.push(await withServers((started) => measureGeneration(started, plan, directory)));
  }
  const [first] = generations;
  return new Map(
    [...first].map(([name, { own }]) => [name, { ...medians(generations.map((all) => all.get(name))), own }]),
  );
}

async function measureGeneration(started, plan, directory) {
  const { contenders, issuer } = await enterAll(started, plan, directory);
  const issuedBefore = await issuer.requests();
  for (const contender of plan.warmUpS > 0 ? contenders : []) await run(contender, plan.warmUpS, plan, directory);
  for (let round = 0; round < plan.rounds; round += 1) {
    // There and back, so that what slows the machine down for a while does not always hit the same ones.
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      contender.results.push(await run(contender, plan.loadS, plan, directory));
    }
  }
  if ((await issuer.requests()) !== issuedBefore) throw new Error('What was to be reused was fetched again');
  return new Map(contenders.map(({ name, own, results }) => [name, { ...medians(results), own }]));
}

/** Starts every server and sees that each answers as it should. */
async function enterAll(started, plan, directory) {
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
  await enter(FASTIFY_FORM, await started(startPeer('fastify-form.mjs', directory)), [byForm(first)]);
  await enter(FASTIFY_BASIC, await started(startPeer('fastify-basic.mjs', directory)), [byBasic(first)]);

  const issuer = await started(startAuthorizationServer(directory));
  const environment = { UPSTREAM_TOKEN_URL: issuer.tokenUrl };
  const startReuse = () => started(startService(directory, environment));
  // A process for each form: what V8 optimises for one must not be what another is measured with.
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
  return { contenders, issuer };
}

async function run({ name, server, requests }, seconds, { connections }, directory) {
  const counter = countsInstructions ? await server.countInstructions() : undefined;
  const cpuBefore = server.cpuSeconds();
  const before = performance.now();
  const result = await putUnderLoad({ port: server.port, requests, connections, seconds, directory });
  const elapsed = (performance.now() - before) / 1000;
  const busy = (server.cpuSeconds() - cpuBefore) / elapsed;
  const instructions = await counter?.stop();
  const { refused, unanswered } = result;
  if (refused + unanswered > 0) {
    throw new Error(`${name}: ${refused} requests were refused, ${unanswered} not answered\n${server.output()}`);
  }
  return {
    ...result,
    busy,
    requestsPerCpuSecond: result.requestsPerSecond / busy,
    instructionsPerRequest: instructions === undefined ? undefined : instructions / result.requests,
  };
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
    instructionsPerRequest: countsInstructions ? of('instructionsPerRequest') : undefined,
    p50: of('p50'),
    p99: of('p99'),
    busy: of('busy'),
  };
}
