import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DemoError } from './listening-port.js';

/** Enough for the first compilation of `start:dev` on a busy machine. */
const START_BUDGET_MS = 120_000;
const STOP_BUDGET_MS = 10_000;

export interface ServiceProcess {
  readonly url: string;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

/** Where the service gets its tokens, and where it sends requests to the Cells API. */
export interface Upstreams {
  readonly UPSTREAM_TOKEN_URL: string;
  readonly CELLS_API_URL: string;
}

/** What to run: the built service, or Nest's command that rebuilds and restarts it on every change. */
const PROGRAMS = {
  built: ['dist/main.js'],
  watched: ['node_modules/@nestjs/cli/bin/nest.js', 'start', '--watch', '--preserveWatchOutput'],
} as const;

/** Spawns the service in front of its upstreams and waits until it answers. */
export async function startService(
  port: number,
  upstreams: Upstreams,
  signal: AbortSignal,
  program: keyof typeof PROGRAMS,
): Promise<ServiceProcess> {
  const url = `http://127.0.0.1:${port}`;
  const service = spawn(
    process.execPath,
    ['--import', new URL('end-with-parent.js', import.meta.url).href, ...PROGRAMS[program]],
    {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: {
        ...process.env,
        ...upstreams,
        HOST: '127.0.0.1',
        PORT: String(port),
        LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
        // There is no load balancer that needs notice.
        SHUTDOWN_NOTICE_MS: '0',
      },
      // In a process group of its own, so that Ctrl-C reaches it once, through stop(), and not twice.
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  const exited = once(service, 'exit').then(() => undefined);
  const stop = () => stopped(service, exited);

  try {
    await answering(url, service, signal);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, exited, stop };
}

async function answering(url: string, service: ChildProcess, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + START_BUDGET_MS;
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    if (hasExited(service)) throw new DemoError('The service ended before it answered.');
    // Any status will do: the port was free, so whatever answers on it is the service.
    const answered = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(1_000) }).then(
      (response) => response.body?.cancel().then(() => true) ?? true,
      () => false,
    );
    if (answered) return;
    await delay(100);
  }
  throw new DemoError(`The service did not answer within ${START_BUDGET_MS / 1000} s.`);
}

async function stopped(service: ChildProcess, exited: Promise<void>): Promise<void> {
  if (hasExited(service)) return;
  signalGroup(service, 'SIGTERM');
  const kill = setTimeout(() => {
    signalGroup(service, 'SIGKILL');
  }, STOP_BUDGET_MS);
  await exited;
  clearTimeout(kill);
}

/** Signals the whole group, because Nest's command runs the service as a child, which must end with it. */
function signalGroup(service: ChildProcess, signal: NodeJS.Signals): void {
  if (process.platform === 'win32' || service.pid === undefined) service.kill(signal);
  else process.kill(-service.pid, signal);
}

const hasExited = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;
