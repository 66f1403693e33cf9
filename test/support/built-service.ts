import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { closedAtTheEnd } from './leftovers.js';

const ROOT = join(__dirname, '..', '..');
const MAIN = join(ROOT, 'dist', 'main.js');
const LOCK = join(ROOT, 'node_modules', '.building-service');
const BUILD_TIMEOUT_MS = 120_000;

export interface BuiltService {
  /** Such as `http://127.0.0.1:40123`. */
  readonly origin: string;
  readonly process: ChildProcess;
  /** All that it has written so far, stdout and stderr. */
  output(): string;
  /** Ends it with SIGTERM; resolves to its exit code. */
  stop(): Promise<number | null>;
}

export interface BuiltServiceOptions {
  readonly env: Readonly<Record<string, string>>;
  /** For node itself, such as `--expose-gc`. */
  readonly nodeArguments?: readonly string[];
  /** How many files it may have open. Default: as many as the test. */
  readonly openFiles?: number;
}

/** Runs the compiled service as users do, on a free port, its log at the level the test asks for. */
export async function startBuiltService({
  env,
  nodeArguments = [],
  openFiles,
}: BuiltServiceOptions): Promise<BuiltService> {
  await buildOnce();
  const limit = openFiles === undefined ? '' : `ulimit -n ${openFiles}; `;
  const child = spawn('/bin/sh', ['-c', `${limit}exec "$@"`, 'sh', process.execPath, ...nodeArguments, MAIN], {
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'info', SHUTDOWN_NOTICE_MS: '0', ...env },
    cwd: join(ROOT, 'test'),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const origin = await new Promise<string>((resolve, reject) => {
    const listen = (chunk: Buffer) => {
      output += chunk.toString();
      const url = /"url":"([^"]+)"[^\n]*Listening/.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    void exited.then(() => {
      reject(new Error(`the service ended before it listened:\n${output}`));
    });
  });
  const service = {
    origin,
    process: child,
    output: () => output,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
  };
  closedAtTheEnd({ close: () => service.stop() });
  return service;
}

/** Several test files may ask at once, each in a process of its own: the first builds, the others wait. */
export async function buildOnce(): Promise<void> {
  await takeLock(Date.now() + BUILD_TIMEOUT_MS);
  try {
    if (!isFresh()) execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'pipe' });
  } finally {
    rmSync(LOCK, { force: true });
  }
}

async function takeLock(deadline: number): Promise<void> {
  for (;;) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      return;
    } catch {
      const owner = lockOwner();
      if (owner !== undefined && !isRunning(owner)) rmSync(LOCK, { force: true });
      if (Date.now() > deadline) {
        throw new Error(`process ${String(owner)} has been building the service for two minutes (${LOCK})`);
      }
      await delay(100);
    }
  }
}

/** `undefined` while the lock is being written or taken away. */
function lockOwner(): number | undefined {
  try {
    return Number(readFileSync(LOCK, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function isFresh(): boolean {
  return existsSync(MAIN) && statSync(MAIN).mtimeMs > newest(join(ROOT, 'src'));
}

function newest(folder: string): number {
  return Math.max(
    ...readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts'))
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );
}
