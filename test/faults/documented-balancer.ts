import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeBlocks } from '../docs/markdown.js';
import { closedPort } from '../support/closed-port.js';
import { closedAtTheEnd } from '../support/leftovers.js';

export type BalancerName = 'nginx' | 'haproxy';

/** As in the documentation: its own port, then its instances'. */
const PRINTED_PORTS = ['8080', '3001', '3002', '3003'];

/** A balancer with exactly the configuration that the documentation prints, so that what people copy is tested. */
export class DocumentedBalancer {
  readonly origin: string;
  readonly #exited: Promise<unknown>;
  #output = '';

  private constructor(
    private readonly name: BalancerName,
    readonly port: number,
    private readonly folder: string,
    private readonly process: ChildProcess,
  ) {
    this.origin = `http://127.0.0.1:${port}`;
    this.#exited = once(process, 'close');
    process.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    process.stderr?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  /** Whether it is installed. CI must have it. */
  static isAvailable(name: BalancerName): boolean {
    const isInstalled = spawnSync(program(name), ['-v']).error === undefined;
    if (!isInstalled && process.env.CI === 'true') throw new Error(`${name} is not installed`);
    return isInstalled;
  }

  /** Starts it in front of instances on these ports, and waits until it passes requests on. */
  static async start(name: BalancerName, instances: readonly [number, number, number]): Promise<DocumentedBalancer> {
    const folder = mkdtempSync(join(tmpdir(), `balancer-${name}-`));
    const port = await closedPort();
    const configuration = documentedConfiguration(name, [port, ...instances]);
    const file = join(folder, 'configuration');
    writeFileSync(file, name === 'nginx' ? wholeNginxConfiguration(configuration, folder) : configuration);
    const child = spawn(program(name), [name === 'nginx' ? '-c' : '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    const balancer = closedAtTheEnd(new DocumentedBalancer(name, port, folder, child));
    await balancer.#passesOn();
    return balancer;
  }

  /** All that it wrote so far: its output and its logs. */
  written(): string {
    const logs = ['access.log', 'error.log'].map((file) => join(this.folder, file)).filter((file) => existsSync(file));
    return this.#output + logs.map((file) => readFileSync(file, 'utf8')).join('');
  }

  /** Ends it. Resolves to all that it wrote. */
  async close(): Promise<string> {
    this.process.kill('SIGTERM');
    await this.#exited;
    const written = this.written();
    rmSync(this.folder, { recursive: true, force: true });
    return written;
  }

  async #passesOn(): Promise<void> {
    for (;;) {
      const status = await fetch(`${this.origin}/health/live`).then(
        async (response) => (await response.text(), response.status),
        () => undefined,
      );
      if (status === 200) return;
      if (this.process.exitCode !== null) throw new Error(`${this.name} ended: ${await this.close()}`);
      await delay(20);
    }
  }
}

function program(name: BalancerName): string {
  return [`/usr/sbin/${name}`, `/usr/bin/${name}`].find((path) => existsSync(path)) ?? name;
}

function documentedConfiguration(name: BalancerName, ports: readonly number[]): string {
  const [block] = codeBlocks('docs/balancers.md').filter(({ language }) => language === name);
  if (block === undefined) throw new Error(`docs/balancers.md shows no configuration of ${name}`);
  // In one pass: a port of the test can begin with one of the documentation's.
  return block.code.replace(/(?<=127\.0\.0\.1:)\d+/g, (printed) => String(ports[PRINTED_PORTS.indexOf(printed)]));
}

/** The documentation shows what goes into nginx's `http` block. Everything that nginx writes goes into the folder. */
function wholeNginxConfiguration(http: string, folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  );
  const inFolder = http.replace(/(access|error)_log (?=\w)/g, `$1_log ${folder}/`);
  return `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log crit; events {} http { ${temporary.join(' ')} ${inFolder} }`;
}
