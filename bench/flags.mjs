/**
 * What each V8 setting of `npm start` is worth: the service as it is started, without each of them, and without all of them,
 * by CPU time, latency and memory. On each of the given Node.js binaries, or the running one. Each is started several times
 * and judged by its worst process, because some settings only prevent that a process goes wrong now and then:
 *
 * npm run build && node bench/flags.mjs [binary...]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clientCredentials } from './http/client-credentials.mjs';
import { fileRequest } from './http/file-request.mjs';
import { asMessage, byForm } from './http/token-request.mjs';
import { putUnderLoad } from './load/load.mjs';
import { loadOnSchedule } from './load/scheduled-load.mjs';
import { LOAD_CORE, leaveServerCore } from './process/cores.mjs';
import { ServerProcess } from './process/server-process.mjs';
import { peerSettings, serviceSettings, startAuthorizationServer } from './servers/node-servers.mjs';

const PAIRS = 10_000;
const CONNECTIONS = 32;
const PROCESSES = 4;
const ROUNDS = 4;
const LOAD_S = 1;
const RATE = 3000;
const SLICE_S = 0.05;
/** Less than this is what the same code differs by from one process to the next. */
const LEAST_GAIN = 1.05;
const ALL = 'as npm start has it';

leaveServerCore();
const directory = mkdtempSync(join(tmpdir(), 'flags-'));
try {
  for (const binary of process.argv.length > 2 ? process.argv.slice(2) : [process.execPath]) {
    process.stdout.write(`\n${execFileSync(binary, ['--version'], { encoding: 'utf8' })}`);
    await compare(binary);
  }
} finally {
  rmSync(directory, { recursive: true });
}

async function compare(binary) {
  const figures = new Map();
  for (let nth = 0; nth < PROCESSES; nth += 1) {
    for (const contender of await measureProcesses(binary)) {
      figures.set(contender.name, [...(figures.get(contender.name) ?? []), figuresOf(contender)]);
    }
  }
  print(new Map([...figures].map(([name, all]) => [name, worst(all)])));
}

/** One process of each variant. */
async function measureProcesses(binary) {
  const servers = [];
  try {
    const issuer = await startAuthorizationServer(directory);
    servers.push(issuer);
    const api = await ServerProcess.start(await peerSettings('cells-api.mjs', directory, {}, LOAD_CORE));
    servers.push(api);
    const settings = { UPSTREAM_TOKEN_URL: issuer.tokenUrl, CELLS_API_URL: `http://127.0.0.1:${api.port}` };
    const { command } = await serviceSettings(directory, settings);
    const contenders = [];
    for (const [name, flags, main] of variants(command)) {
      const service = await serviceSettings(directory, settings);
      const server = await ServerProcess.start({ ...service, command: [binary, ...flags, main] });
      servers.push(server);
      contenders.push({ name, server, reuse: [], file: [], p99: [], begun: server.memory().resident });
    }
    await measure(contenders);
    return contenders.map(({ server, ...measured }) => ({ ...measured, peak: server.memory().peak }));
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** Flags that only make sense together are taken away together. */
function variants([, ...rest]) {
  const main = rest.at(-1);
  const flags = rest.slice(0, -1);
  const groups = groupBy(flags, groupOf);
  return [
    [ALL, flags, main],
    ...[...groups].map(([group, taken]) => [`without ${group}`, flags.filter((flag) => !taken.includes(flag)), main]),
    ['without all of them', [], main],
  ];
}

function groupOf(flag) {
  return flag.includes('semi-space') ? 'semi-space-size' : flag.replace(/^--|=.*/g, '');
}

function groupBy(values, keyOf) {
  const groups = new Map();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}

async function measure(contenders) {
  const pairs = Array.from({ length: PAIRS }, (_, n) => byForm(clientCredentials(n)));
  const load = (server, requests, seconds) =>
    putUnderLoad({ port: server.port, requests, connections: CONNECTIONS, seconds, directory });
  for (const { server } of contenders) {
    await load(server, pairs, 4);
    await load(server, [fileRequest(1024)], 2);
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { server, reuse, file, p99 } of inTurn(contenders, round)) {
      reuse.push(await cpuPerRequest(server, () => load(server, pairs, LOAD_S)));
      file.push(await cpuPerRequest(server, () => load(server, [fileRequest(1024)], LOAD_S)));
      const messageAt = (n) => asMessage(pairs[n % PAIRS]);
      const scheduled = { port: server.port, connections: CONNECTIONS, total: RATE * LOAD_S, rate: RATE, messageAt };
      p99.push(...(await loadOnSchedule(scheduled)).p99OfEvery(RATE * SLICE_S));
    }
  }
}

/** Another one first in every round, there and back. */
function inTurn(contenders, round) {
  const first = round % contenders.length;
  const order = [...contenders.slice(first), ...contenders.slice(0, first)];
  return round % 2 === 0 ? order : order.toReversed();
}

/** Microseconds. */
async function cpuPerRequest(server, run) {
  const before = server.cpuSeconds();
  const { requests, refused, unanswered } = await run();
  if (refused + unanswered > 0) throw new Error(`${refused + unanswered} requests failed\n${server.output()}`);
  return ((server.cpuSeconds() - before) * 1e6) / requests;
}

/** In the order of the table's columns. */
function figuresOf({ reuse, file, p99, begun, peak }) {
  return [undisturbed(reuse), undisturbed(file), undisturbed(p99), begun, peak];
}

/** Whatever else the machine does makes things slower, never faster. */
function undisturbed(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 4)];
}

function worst(processes) {
  return processes[0].map((_, column) => Math.max(...processes.map((figures) => figures[column])));
}

function print(figures) {
  const header = ['', 'reuse, µs', 'file, µs', 'p99, ms', 'at start, MiB', 'peak, MiB', 'pays'];
  const [all, ...without] = figures.values();
  // The latency is what the machine was busy with, and memory at the start is no setting's aim.
  const pays = (those) => [0, 1, 4].some((column) => those[column] > all[column] * LEAST_GAIN);
  const rows = [...figures].map(([name, those]) => {
    const digits = [1, 1, 2, 0, 0];
    return [name, ...those.map((figure, column) => figure.toFixed(digits[column])), verdictOf(those)];
  });
  const lines = [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  process.stdout.write(`\n${lines.join('\n')}\n`);
  if (!without.every(pays)) process.exitCode = 1;

  function verdictOf(those) {
    if (those === all) return '';
    return pays(those) ? 'yes' : 'no';
  }
}
