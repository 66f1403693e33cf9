import { type ChildProcess, execFileSync, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, createReadStream, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AsposeLimits } from '../support/aspose-limits.js';
import { buildOnce } from '../support/built-service.js';
import { closedPort } from '../support/closed-port.js';
import { rawRequest } from '../support/raw-client.js';

const ROOT = join(__dirname, '..', '..');
const MAIN = join(ROOT, 'dist', 'main.js');
/** Runs its arguments on a terminal of which it reads nothing. */
const UNREAD_TERMINAL = `
import os, pty, sys, signal
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
`;

describe('A service whose log cannot be written', () => {
  let upstream: AsposeLimits;
  let folder: string;
  let api: Server;
  let child: ChildProcess | undefined;
  let port: number;
  const open: number[] = [];

  beforeAll(async () => {
    await buildOnce();
    upstream = await AsposeLimits.start({ clients: [] });
    api = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
    await once(api, 'listening');
    folder = mkdtempSync(join(tmpdir(), 'log-output-'));
  }, 150_000);

  afterEach(() => {
    child?.kill('SIGKILL');
    for (const file of open.splice(0)) closeSync(file);
  });

  afterAll(async () => {
    await upstream.close();
    api.close();
    rmSync(folder, { recursive: true });
  });

  /** Ready for requests, though nothing of its log is read. */
  async function start(stdio: StdioOptions, command: readonly string[] = []): Promise<ChildProcess> {
    port = await closedPort();
    const [program, ...parameters] = [...command, process.execPath, MAIN];
    child = spawn(program, parameters, {
      env: {
        PATH: process.env.PATH,
        PORT: String(port),
        UPSTREAM_TOKEN_URL: upstream.tokenUrl,
        SHUTDOWN_GRACE_MS: '100',
        CELLS_API_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
        LOG_LEVEL: 'debug',
      },
      cwd: folder,
      stdio,
    });
    while (!(await isReady())) {
      if (child.exitCode !== null) throw new Error('the service ended before it listened');
      await delay(20);
    }
    return child;
  }

  async function isReady(): Promise<boolean> {
    return fetch(`http://127.0.0.1:${port}/health/ready`).then(
      (response) => response.ok,
      () => false,
    );
  }

  /** Sends requests that each write a debug line of some 300 bytes, and returns how many were answered as they should be. */
  async function ask(requests: number): Promise<number> {
    // More on one connection would be cut off.
    const pipelined = 25;
    const head = `GET /v4.0/cells/a HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${'x'.repeat(64)}\r\n`;
    let answered = 0;
    for (let sent = 0; sent < requests; sent += pipelined) {
      const { text } = await rawRequest(port, `${`${head}\r\n`.repeat(pipelined - 1)}${head}Connection: close\r\n\r\n`);
      answered += text.match(/HTTP\/1\.1 200 /g)?.length ?? 0;
    }
    return answered;
  }

  async function droppedLines(): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(/^cells_authority_log_lines_dropped_total (\d+)$/m.exec(text)?.[1]);
  }

  async function stop(service: ChildProcess): Promise<unknown> {
    const exited = once(service, 'exit');
    service.kill('SIGTERM');
    const [code] = (await exited) as [number | null];
    return code;
  }

  const outputs: [string, () => Promise<ChildProcess>][] = [
    [
      'to a full disk',
      () => {
        open.push(openSync('/dev/full', 'w'));
        return start(['ignore', open[0], 'inherit']);
      },
    ],
    [
      'beyond the limit of a file',
      () => {
        open.push(openSync(join(folder, 'limited.log'), 'w'));
        return start(['ignore', open[0], 'inherit'], ['/bin/sh', '-c', 'ulimit -f 8; exec "$@"', 'sh']);
      },
    ],
    [
      'to a pipe that nobody reads any more',
      async () => {
        const service = await start(['ignore', 'pipe', 'inherit']);
        service.stdout?.destroy();
        return service;
      },
    ],
    ['to a socket whose reader stands still', () => start(['ignore', 'pipe', 'inherit'])],
    [
      'to a terminal whose output is held',
      () => start(['ignore', 'ignore', 'inherit'], ['python3', '-c', UNREAD_TERMINAL]),
    ],
  ];

  it.each(outputs)('%s serves and stops all the same', async (_case, startWith) => {
    const service = await startWith();

    expect(await ask(1200)).toBe(1200);
    expect(await isReady()).toBe(true);
    expect(await stop(service)).toBe(0);
  });

  it('because the reader of its pipe stands still: drops lines, counts them, and says so when it is read again', async () => {
    const fifo = join(folder, 'unread.fifo');
    execFileSync('mkfifo', [fifo]);
    // Opened for both, so that it has a reader that reads nothing for now.
    const pipe = openSync(fifo, 'r+');
    open.push(pipe);
    const service = await start(['ignore', pipe, 'inherit']);

    expect(await ask(6000)).toBe(6000);
    const dropped = await droppedLines();
    expect(dropped).toBeGreaterThan(100);

    let text = '';
    for await (const chunk of createReadStream(fifo, 'utf8')) {
      text += String(chunk);
      if (text.includes('"log_lines_dropped"')) break;
    }
    expect(text).toContain(`"event":"log_lines_dropped","lines":${dropped}`);
    expect(await stop(service)).toBe(0);
  });

  it('writes what it has before it ends', async () => {
    const file = join(folder, 'last.log');
    open.push(openSync(file, 'w'));
    const service = await start(['ignore', open[0], 'inherit']);
    await ask(100);

    expect(await stop(service)).toBe(0);

    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines.filter((line) => line.includes('"gateway_request"')).length).toBe(100);
    expect(lines.at(-1)).toContain('"event":"stopped"');
  });
});
