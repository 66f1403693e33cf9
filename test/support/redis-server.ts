import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { closedPort } from './closed-port.js';
import { killedAtTheEnd } from './leftovers.js';

/** Whether a `redis-server` is on the PATH. */
export const REDIS_INSTALLED = spawnSync('redis-server', ['--version']).status === 0;

/**
 * `describe` for tests that need a real Redis. Without one it says so, and with `CI=true` it fails.
 */
export function describeWithRedis(name: string, suite: () => void): void {
  if (REDIS_INSTALLED) {
    describe(name, suite);
    return;
  }
  it(`${name}: needs redis-server on the PATH`, () => {
    process.stdout.write(`NOT RUN: ${name}: there is no redis-server on the PATH\n`);
    expect(process.env.CI).not.toBe('true');
  });
}

export interface RedisServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Further lines of configuration, such as `['requirepass', 'x']`. */
  readonly settings?: readonly (readonly string[])[];
  /** For TLS: the files of its certificate and key, and of the authorities of its clients' certificates. Opens no plain port. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

function portSettings(port: number, tls: RedisServerOptions['tls']): string[][] {
  if (tls === undefined) return [['port', String(port)]];
  return [
    ['port', '0'],
    ['tls-port', String(port)],
    ['tls-cert-file', tls.cert],
    ['tls-key-file', tls.key],
    ['tls-ca-cert-file', tls.ca],
  ];
}

/** A real Redis in its own folder. It writes nothing to disk and ends with the test. */
export class RedisServer {
  /** For the test's own commands. */
  readonly client: Redis;

  private constructor(
    readonly port: number,
    private readonly process: ChildProcess,
    private readonly folder: string,
    private readonly options: RedisServerOptions,
  ) {
    this.client = new Redis({
      port,
      lazyConnect: true,
      disconnectTimeout: 100,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    this.client.on('error', () => undefined);
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const port = options.port ?? (await closedPort());
    const folder = mkdtempSync(join(tmpdir(), 'redis-'));
    const settings = [
      ...portSettings(port, options.tls),
      ['bind', '127.0.0.1'],
      ['dir', folder],
      ['save', ''],
      ['appendonly', 'no'],
      ...(options.settings ?? []),
    ];
    const child = killedAtTheEnd(
      spawn(
        'redis-server',
        settings.flatMap(([name = '', ...values]) => [`--${name}`, ...values]),
        { stdio: ['ignore', 'pipe', 'inherit'] },
      ),
    );
    let output = '';
    for await (const line of createInterface(child.stdout)) {
      output += `${line}\n`;
      if (line.includes('Ready to accept connections')) break;
    }
    if (!output.includes('Ready to accept connections')) throw new Error(`redis-server ended:\n${output}`);
    child.stdout.resume();
    return new RedisServer(port, child, folder, options);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Sends a command of the test's own. */
  async command(name: string, ...values: (string | Buffer)[]): Promise<unknown> {
    if (this.client.status !== 'ready') await this.client.connect();
    return this.client.call(name, ...values);
  }

  /**
   * Watches every command from here on, one line each, as MONITOR prints them. On a bare socket: ioredis asks for INFO
   * on the same connection, and fails when a line comes in before the answer.
   */
  async monitor(): Promise<{ readonly lines: readonly string[]; stop(): void }> {
    const socket = connect(this.port, '127.0.0.1');
    const lines: string[] = [];
    const reader = createInterface(socket);
    socket.write('MONITOR\r\n');
    const [answer] = await once(reader, 'line');
    if (answer !== '+OK') throw new Error(`MONITOR was answered with ${String(answer)}`);
    reader.on('line', (line) => lines.push(line));
    return { lines, stop: () => socket.destroy() };
  }

  /** Stops answering, with all connections open. */
  pause(): void {
    this.process.kill('SIGSTOP');
  }

  resume(): void {
    this.process.kill('SIGCONT');
  }

  /** Kills it; all its data is lost. */
  async kill(): Promise<void> {
    this.client.disconnect();
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exited = once(this.process, 'exit');
      this.process.kill('SIGKILL');
      await exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Starts another one, empty, at the same address. */
  async restart(options: Partial<RedisServerOptions> = {}): Promise<RedisServer> {
    await this.kill();
    return RedisServer.start({ ...this.options, ...options, port: this.port });
  }
}
