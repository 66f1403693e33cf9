import { clientCredentials } from '../http/client-credentials.mjs';
import { expectToken } from '../http/expect-token.mjs';
import { fileRequest } from '../http/file-request.mjs';
import { asMessage, byQuery } from '../http/token-request.mjs';
import { contest } from '../load/contest.mjs';
import { loadOnSchedule } from '../load/scheduled-load.mjs';
import { beginSlowUploads, download, upload } from '../load/transfers.mjs';
import { LOAD_CORE } from '../process/cores.mjs';
import { withServers } from '../process/with-servers.mjs';
import { median } from '../report/median.mjs';
import { hasNginx, startNginxProxy } from '../servers/nginx.mjs';
import { startAuthorizationServer, startPeer, startService } from '../servers/node-servers.mjs';

export const GATEWAY = 'gateway';
export const GATEWAY_SESSIONS = 'gateway, sessions on';
export const GATEWAY_NGINX = 'nginx, unbuffered';
export const GATEWAY_HTTP_PROXY = '@fastify/http-proxy';

const KIB = 1024;
const MIB = 1024 * KIB;
/** Each way. */
const SIMULTANEOUS = 20;
const SLOW_UPLOADS = 100;
/** As for the latency of token requests. */
const SLICE_S = 0.05;

/** Requests per second for a file of 1 KiB. With sessions on, the token of the requests has one. */
export function measureSmallFiles(plan, directory) {
  return contest(
    async (started) => {
      const api = await started(startCellsApi(directory));
      const servers = await startAll(started, directory, api);
      const withSessions = await startWithSession(started, directory, api);
      servers.splice(1, 0, { name: GATEWAY_SESSIONS, own: true, server: withSessions });
      for (const { server } of servers) await download(server.port, KIB);
      return { contenders: servers.map((contender) => ({ ...contender, requests: [fileRequest(KIB)] })) };
    },
    plan,
    directory,
  );
}

/**
 * Large files, one at a time: MiB for each second of time and of CPU time, down and up, by contender.
 *
 * @returns {Promise<Map<string, { down: Rate, up: Rate }>>}
 * @typedef {{ perSecond: number, perCpuSecond: number }} Rate
 */
export async function measureLargeFiles(plan, directory) {
  const results = new Map();
  for (let nth = 0; nth < plan.generations; nth += 1) {
    await withServers(async (started) => {
      const servers = await startAll(started, directory, await started(startCellsApi(directory)));
      for (const { server } of servers) {
        await moveFiles(server, download, 1, plan);
        await moveFiles(server, upload, 1, plan);
      }
      for (let round = 0; round < plan.rounds; round += 1) {
        for (const { name, server } of round % 2 === 0 ? servers : servers.toReversed()) {
          const all = results.get(name) ?? results.set(name, { down: [], up: [] }).get(name);
          all.down.push(await moveFiles(server, download, plan.largeFiles, plan));
          all.up.push(await moveFiles(server, upload, plan.largeFiles, plan));
        }
      }
    });
  }
  return new Map([...results].map(([name, { down, up }]) => [name, { down: medians(down), up: medians(up) }]));
}

async function moveFiles(server, move, files, { largeFileMib }) {
  const cpuBefore = server.cpuSeconds();
  const before = performance.now();
  for (let n = 0; n < files; n += 1) await move(server.port, largeFileMib * MIB);
  const mib = files * largeFileMib;
  return {
    perSecond: (mib * 1000) / (performance.now() - before),
    perCpuSecond: mib / (server.cpuSeconds() - cpuBefore),
  };
}

/** The peak of resident memory, in MiB, while many large files go both ways at once. */
export function measureManyFiles({ hugeFileMib }, directory) {
  return withServers(async (started) => {
    const api = await started(startCellsApi(directory));
    const service = await started(startService(directory, api.settings));
    const transfers = Array.from({ length: SIMULTANEOUS }, () => [
      download(service.port, hugeFileMib * MIB),
      upload(service.port, hugeFileMib * MIB),
    ]);
    await Promise.all(transfers.flat());
    return { peak: service.memory().peak };
  });
}

/**
 * The 99th percentile of reuse, in ms, at a fixed rate: `with` while slow uploads go through the service, and `without`
 * while the same uploads go past it, so that the core for load has the same to do.
 */
export function measureSlowUploads(rate, plan, directory) {
  return withServers(async (started) => {
    const client = clientCredentials(0);
    const request = byQuery(client);
    const issuer = await started(startAuthorizationServer(directory));
    const api = await started(startCellsApi(directory));
    const settings = { CELLS_API_URL: api.origin, UPSTREAM_TOKEN_URL: issuer.tokenUrl };
    const service = await started(startService(directory, settings));
    await expectToken(service, request, client);

    const load = async (uploadPort, seconds) => {
      const uploads = beginSlowUploads(uploadPort, SLOW_UPLOADS);
      const total = Math.ceil(rate * seconds);
      const messageAt = () => asMessage(request);
      const result = await loadOnSchedule({
        port: service.port,
        connections: plan.connections,
        total,
        rate,
        messageAt,
      });
      await uploads.end();
      if (result.failures > 0) throw new Error(`${result.failures} requests failed\n${service.output()}`);
      return result.p99OfEvery(Math.round(rate * SLICE_S));
    };
    if (plan.warmUpS > 0) await load(service.port, plan.warmUpS);
    const slices = { with: [], without: [] };
    for (let round = 0; round < plan.latencyRounds; round += 1) {
      slices.without.push(...(await load(api.port, plan.latencyS)));
      slices.with.push(...(await load(service.port, plan.latencyS)));
    }
    return { rate, with: median(slices.with), without: median(slices.without) };
  });
}

/** The service and its peers, each in front of the same upstream. */
async function startAll(started, directory, api) {
  const servers = [
    { name: GATEWAY, own: true, server: await started(startService(directory, api.settings)) },
    {
      name: GATEWAY_HTTP_PROXY,
      own: false,
      server: await started(startPeer('fastify-http-proxy-api.mjs', directory, api.settings)),
    },
  ];
  if (hasNginx) {
    const server = await started(startNginxProxy(directory, api.port, { unbuffered: true }));
    servers.push({ name: GATEWAY_NGINX, own: false, server });
  }
  return servers;
}

/** The service with sessions on, once the token of all requests has been handed out. */
async function startWithSession(started, directory, api) {
  const client = clientCredentials(0);
  const issuer = await started(startAuthorizationServer(directory));
  const settings = { ...api.settings, UPSTREAM_TOKEN_URL: issuer.tokenUrl, CELLS_API_SESSION_MAX_S: '604800' };
  const service = await started(startService(directory, settings));
  await expectToken(service, byQuery(client), client);
  return service;
}

/** The upstream, on the load's core, and the settings for the server in front of it. */
async function startCellsApi(directory) {
  const server = await startPeer('cells-api.mjs', directory, {}, LOAD_CORE);
  const origin = `http://127.0.0.1:${server.port}`;
  const settings = { CELLS_API_URL: origin, UPSTREAM_TOKEN_URL: `${origin}/connect/token` };
  return { origin, port: server.port, settings, stop: () => server.stop() };
}

function medians(rates) {
  const of = (figure) => median(rates.map((rate) => rate[figure]));
  return { perSecond: of('perSecond'), perCpuSecond: of('perCpuSecond') };
}
