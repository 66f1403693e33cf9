import { countsInstructions } from '../process/instructions.mjs';
import { withServers } from '../process/with-servers.mjs';
import { median } from '../report/median.mjs';
import { putUnderLoad } from './load.mjs';

/**
 * Requests per second of several servers, which take turns in every round. All of them are restarted several times; the
 * figures are medians over these generations of processes.
 *
 * @param {(started: Function) => Promise<{ contenders: Contender[], check?: () => Promise<void> }>} enterAll starts the
 *   servers and sees that each answers as it should; `check` throws if the load was not what it should have been
 * @returns {Promise<Map<string, Throughput>>} by contender
 * @typedef {{ name: string, server: import('../process/server-process.mjs').ServerProcess, requests: object[],
 *   own: boolean }} Contender
 * @typedef {{ requestsPerSecond: number, requestsPerCpuSecond: number, instructionsPerRequest: number | undefined,
 * p50: number, p99: number, busy: number, own: boolean }} Throughput medians; `busy` is the share of its core that the
 * server used (less than nearly all of it means that something else was what limited the figure)
 */
export async function contest(enterAll, plan, directory) {
  const generations = [];
  for (let nth = 0; nth < plan.generations; nth += 1) {
    generations.push(await withServers((started) => measureGeneration(() => enterAll(started), plan, directory)));
  }
  const [first] = generations;
  return new Map(
    [...first].map(([name, { own }]) => [name, { ...medians(generations.map((all) => all.get(name))), own }]),
  );
}

async function measureGeneration(enterAll, plan, directory) {
  const { contenders, check } = await enterAll();
  const results = new Map(contenders.map((contender) => [contender, []]));
  for (const contender of plan.warmUpS > 0 ? contenders : []) await run(contender, plan.warmUpS, plan, directory);
  for (let round = 0; round < plan.rounds; round += 1) {
    // In alternating order, so that a slow phase of the machine does not always hit the same ones.
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      results.get(contender).push(await run(contender, plan.loadS, plan, directory));
    }
  }
  await check?.();
  return new Map([...results].map(([{ name, own }, all]) => [name, { ...medians(all), own }]));
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
