import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pinned } from './cores.mjs';
import { countInstructions } from './instructions.mjs';

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 10_000;
const CLOCK_TICKS_PER_S = 100;
/** As in the image and the systemd unit. Without it, chance decides how often a process asks the system for memory. */
const MALLOC_TRIM_THRESHOLD_ = String(32 * 1024 * 1024);

const running = new Set();

/** A server in a process of its own, pinned to a core, with its output in a file. */
export class ServerProcess {
  #child;
  #log;

  /** @param {{ name: string, core: number, command: string[], port: number, directory: string, environment?: object }} settings */
  constructor({ name, core, command, port, directory, environment = {} }) {
    this.name = name;
    this.port = port;
    this.#log = join(directory, `${name.replace(/\W+/g, '-')}-${port}.log`);
    const output = openSync(this.#log, 'a');
    const [program, ...args] = pinned(core, command);
    this.#child = spawn(program, args, {
      // In the temporary directory, so that a `.env` of the project is not read.
      cwd: directory,
      env: { PATH: process.env.PATH, MALLOC_TRIM_THRESHOLD_, ...environment },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    running.add(this);
    this.#child.once('exit', () => running.delete(this));
    this.#child.once('error', () => running.delete(this));
  }

  /** Starts one and waits until it accepts connections. */
  static async start(settings) {
    const server = new ServerProcess(settings);
    await server.listening();
    return server;
  }

  /** Spawns one that does nothing until {@link proceed}. */
  static spawnStopped(settings) {
    return new ServerProcess({
      ...settings,
      command: ['sh', '-c', 'kill -STOP $$; exec "$@"', 'sh', ...settings.command],
    });
  }

  get pid() {
    return this.#child.pid;
  }

  proceed() {
    this.#child.kill('SIGCONT');
  }

  async listening() {
    const deadline = performance.now() + START_LIMIT_MS;
    while (!(await accepts(this.port))) {
      if (this.#child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`${this.name} does not listen:\n${this.output()}`);
      }
      await delay(1);
    }
  }

  /** The end of its output. */
  output() {
    return readFileSync(this.#log, 'utf8').slice(-2000);
  }

  /** CPU time used so far by the process and its children (nginx has a master and a worker), in seconds. */
  cpuSeconds() {
    return this.#family().reduce((sum, pid) => sum + cpuTicks(pid), 0) / CLOCK_TICKS_PER_S;
  }

  /** Counts the instructions that the process and its children execute from now on. */
  countInstructions() {
    return countInstructions(this.#family());
  }

  /** Resident memory, and its peak, in MiB. */
  memory() {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const mebibytes = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
    return { resident: mebibytes('VmRSS'), peak: mebibytes('VmHWM') };
  }

  async stop() {
    if (!running.has(this)) return;
    const exit = once(this.#child, 'exit');
    this.terminate();
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    await exit;
    clearTimeout(force);
  }

  /** Asks it to end, without waiting. Killing nginx would leave its worker behind. */
  terminate() {
    this.#child.kill('SIGTERM');
  }

  #family() {
    const { pid } = this.#child;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return [pid, ...children];
  }
}

/** Nothing outlives the bench, however it ends. */
process.once('exit', () => {
  for (const server of running) server.terminate();
});

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/** User and system time: fields 14 and 15 of proc(5)'s `stat`, whose 2nd may hold spaces. */
function cpuTicks(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
