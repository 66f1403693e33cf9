import { ServerProcess } from '../process/server-process.mjs';
import { median } from '../report/median.mjs';
import { peerSettings, serviceSettings } from '../servers/node-servers.mjs';

/** From starting the process to its first connection, in ms: the service's, and an empty Nest application's. */
export async function measureStart(plan, directory) {
  const results = { service: [], empty: [] };
  // One more than counts, to have everything in the page cache.
  for (let round = 0; round <= plan.starts; round += 1) {
    const empty = await timeToListen(await peerSettings('empty-nest.mjs', directory));
    const service = await timeToListen(await serviceSettings(directory));
    if (round === 0) continue;
    results.empty.push(empty);
    results.service.push(service);
  }
  return { service: median(results.service), empty: median(results.empty) };
}

async function timeToListen(settings) {
  const before = performance.now();
  const server = await ServerProcess.start(settings);
  const elapsed = performance.now() - before;
  await server.stop();
  return elapsed;
}
