import { countInstructions, countsInstructions } from '../process/instructions.mjs';
import { ServerProcess } from '../process/server-process.mjs';
import { median } from '../report/median.mjs';
import { peerSettings, serviceSettings } from '../servers/node-servers.mjs';

/**
 * From starting the process to its first connection: the service's, and an empty Nest application's. `ms` is time,
 * `cost` instructions where they can be counted, and seconds of CPU time elsewhere.
 */
export async function measureStart(plan, directory) {
  const results = { service: [], empty: [] };
  // The first one does not count: it fills the page cache.
  for (let round = 0; round <= plan.starts; round += 1) {
    const empty = await timeToListen(await peerSettings('empty-nest.mjs', directory));
    const service = await timeToListen(await serviceSettings(directory));
    if (round === 0) continue;
    results.empty.push(empty);
    results.service.push(service);
  }
  return { service: medians(results.service), empty: medians(results.empty) };
}

async function timeToListen(settings) {
  const before = performance.now();
  const server = await ServerProcess.start(settings);
  const ms = performance.now() - before;
  const cpuSeconds = server.cpuSeconds();
  await server.stop();
  return { ms, cost: countsInstructions ? await instructionsToListen(settings) : cpuSeconds };
}

/** Counts in a separate start, so that it does not affect the time: the process waits until the counter is on. */
async function instructionsToListen(settings) {
  const server = ServerProcess.spawnStopped(settings);
  const counter = await countInstructions([server.pid]);
  server.proceed();
  await server.listening();
  const instructions = await counter.stop();
  await server.stop();
  return instructions;
}

function medians(results) {
  return { ms: median(results.map(({ ms }) => ms)), cost: median(results.map(({ cost }) => cost)) };
}
