import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

/** The server under test has one core to itself; load, upstream and this process share the other. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** Whether processes can be pinned here; without it a run is worth little, and the report says so. */
export const canPin = cpus().length > 1 && spawnSync('taskset', ['--version']).status === 0;

/** Wraps a command so that it stays on one core. `taskset` is replaced by it, so the process id is the command's. */
export function pinned(core, command) {
  return canPin ? ['taskset', '--cpu-list', String(core), ...command] : command;
}

/** Moves this process, and whatever it starts from now on, to the load's core. */
export function leaveServerCore() {
  if (canPin) spawnSync('taskset', ['--cpu-list', '--pid', String(LOAD_CORE), String(process.pid)]);
}
