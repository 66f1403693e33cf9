import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Counted in user and kernel mode, because nginx does most of its work in the kernel and JavaScript does not. */
const EVENT = 'instructions';

/** Whether this machine counts instructions; many virtual machines do not. */
export const countsInstructions = canCount(EVENT);

/** @param {string} event as `perf list` names it */
function canCount(event) {
  const { error, status, stderr } = spawnSync('perf', ['stat', '-x', ',', '-e', event, 'true'], { encoding: 'utf8' });
  return error === undefined && status === 0 && Number.isFinite(countIn(stderr));
}

/**
 * Counts what these processes execute, their threads and children included, until `stop` is called.
 *
 * @param {readonly (number | string)[]} pids
 * @returns {Promise<{ stop: () => Promise<number> }>}
 */
export async function countInstructions(pids, event = EVENT) {
  // The counter starts disabled and confirms when it is enabled, so that nothing is missed.
  const options = ['stat', '-x', ',', '-e', event, '-D', '-1', '--control', 'fd:3,4', '-p', pids.join(',')];
  const perf = spawn('perf', options, { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
  const [, , stderr, control, acknowledgements] = perf.stdio;
  let report = '';
  stderr.setEncoding('utf8').on('data', (text) => (report += text));
  const exited = once(perf, 'exit');
  const answers = createInterface(acknowledgements)[Symbol.asyncIterator]();
  const tell = async (command) => {
    control.write(`${command}\n`);
    const { done } = await Promise.race([answers.next(), exited.then(() => ({ done: true }))]);
    if (done) throw new Error(`perf stat ended early: ${report}`);
  };
  await tell('enable');
  return {
    stop: async () => {
      await tell('disable');
      perf.kill('SIGINT');
      await exited;
      return countIn(report);
    },
  };
}

/** The first field of a line such as `1234,,instructions,...`; `NaN` for `<not supported>`. */
function countIn(report) {
  const line = report.split('\n').find((text) => /^[\d<]/.test(text)) ?? '';
  return Number.parseFloat(line);
}
