import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureDistinctPairs } from './cases/distinct-pairs.mjs';
import { measureLargeFiles, measureManyFiles, measureSlowUploads, measureSmallFiles } from './cases/gateway.mjs';
import { measureLatency } from './cases/latency.mjs';
import { hasRedis, measureSharedStore } from './cases/shared-store.mjs';
import { measureSingleFlight } from './cases/single-flight.mjs';
import { measureSlowUpstream } from './cases/slow-upstream.mjs';
import { measureStart } from './cases/start.mjs';
import { measureThroughput, REUSE_BY_QUERY } from './cases/throughput.mjs';
import { FULL, QUICK } from './plan.mjs';
import { leaveServerCore } from './process/cores.mjs';
import { machine } from './report/machine.mjs';
import { requirements } from './report/requirements.mjs';
import { verdict } from './report/verdict.mjs';
import { writeReport } from './report/report.mjs';
import { writeResults } from './report/write-results.mjs';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

const plan = process.argv.includes('--quick') ? QUICK : FULL;
const directory = mkdtempSync(join(tmpdir(), 'cells-authority-bench-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

build();
leaveServerCore();

const results = {};
await measure('throughput', () => measureThroughput(plan, directory));
if (results.throughput !== undefined) {
  const rate = results.throughput.get(REUSE_BY_QUERY).requestsPerSecond / 2;
  await measure('latency', () => measureLatency(rate, plan, directory));
  await measure('slowUploads', () => measureSlowUploads(rate, plan, directory));
}
await measure('smallFiles', () => measureSmallFiles(plan, directory));
await measure('largeFiles', () => measureLargeFiles(plan, directory));
await measure('manyFiles', () => measureManyFiles(plan, directory));
await measure('singleFlight', () => measureSingleFlight(plan, directory));
await measure('slowUpstream', () => measureSlowUpstream(plan, directory));
await measure('distinctPairs', () => measureDistinctPairs(plan, directory));
if (hasRedis) await measure('sharedStore', () => measureSharedStore(plan, directory));
await measure('start', () => measureStart(plan, directory));

const rows = requirements(results);
const about = { machine: machine(), revision: revision(), date: new Date().toISOString().slice(0, 10) };
const report = writeReport({ results, rows, judged: plan.judged, ...about });
console.log(`\n${report}`);

const verdicts = rows.map((row) => verdict(row, plan.judged));
const complete = !verdicts.includes('FAILED');
if (plan.judged && complete) writeResults({ report, throughput: results.throughput, machine: about.machine });
// A missing peer is reported, and is a failure where every program is required.
const lacking = verdicts.some((word) => word.startsWith('MISSING')) && process.env.CI === 'true';
if (!complete || lacking || verdicts.includes('NOT MET')) process.exitCode = 1;

/** Runs a case. If it fails, that is reported and the others still run. */
async function measure(name, run) {
  console.log(`${new Date().toISOString().slice(11, 19)} ${name}`);
  try {
    results[name] = await run();
  } catch (error) {
    console.error(`${name} failed: ${error.message}`);
  }
}

function build() {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: PROJECT, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}

function revision() {
  const git = (...args) => spawnSync('git', args, { cwd: PROJECT, encoding: 'utf8' }).stdout?.trim() ?? '';
  const changed = git('status', '--porcelain', '--', 'src', 'package.json') === '' ? '' : ' with changes';
  return `${git('rev-parse', '--short', 'HEAD') || 'unknown'}${changed}`;
}
