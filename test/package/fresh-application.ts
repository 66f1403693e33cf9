import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(__dirname, '..', '..');
const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=warn'];
/** What npm says when there is no registry to be reached, which is nobody's fault here. */
const OFFLINE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT/;
/** About the settings of whoever runs the tests. */
const ABOUT_SETTINGS = /^npm warn Unknown \w+ config/;

/** Whether an npm command failed for that reason. */
export function reachesNoRegistry(error: unknown): boolean {
  return error instanceof Error && OFFLINE.test(error.message);
}

type Versions = Readonly<Record<string, string>>;

export interface NewApplication {
  readonly type: 'commonjs' | 'module';
  /** What it has beside the packed library. */
  readonly dependencies: Versions;
  readonly devDependencies?: Versions;
}

/** A new NestJS application in a temporary folder, with the packed library among its dependencies. */
export class FreshApplication {
  private constructor(readonly folder: string) {}

  static async create({ type, dependencies, devDependencies = {} }: NewApplication): Promise<FreshApplication> {
    const folder = await mkdtemp(join(tmpdir(), 'cells-authority-host-'));
    await run('npm', ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder], { cwd: ROOT });
    const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    const manifest = {
      name: 'host',
      private: true,
      type,
      dependencies: { ...dependencies, 'cells-authority': `file:${tarball}` },
      devDependencies,
      // Nest 12 takes a version of it that npm warns of on Node 20.
      overrides: { 'file-type': '^21.3.4' },
    };
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    return new FreshApplication(folder);
  }

  /** Resolves to the warnings of npm. */
  async install(...flags: string[]): Promise<string[]> {
    const { stdout, stderr } = await run('npm', [...INSTALL, ...flags], { cwd: this.folder });
    return `${stdout}${stderr}`.split('\n').filter((line) => /\bwarn/i.test(line) && !ABOUT_SETTINGS.test(line));
  }

  /** The packages that are installed, or would be, by their path. */
  async packages(): Promise<string[]> {
    const { packages } = JSON.parse(await readFile(join(this.folder, 'package-lock.json'), 'utf8')) as {
      packages: Readonly<Record<string, unknown>>;
    };
    return Object.keys(packages).filter((path) => path !== '');
  }

  async uninstall(...flags: string[]): Promise<void> {
    await run('npm', ['uninstall', '--prefer-offline', '--no-audit', ...flags], { cwd: this.folder });
  }

  /** Compiles under `strict`. @throws Error with what the compiler says. */
  async compile(sources: Readonly<Record<string, string>>, options: Readonly<Record<string, unknown>>): Promise<void> {
    for (const [name, text] of Object.entries(sources)) {
      await mkdir(dirname(join(this.folder, name)), { recursive: true });
      await writeFile(join(this.folder, name), text);
    }
    const compilerOptions = {
      target: 'es2023',
      module: 'nodenext',
      strict: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      types: ['node'],
      rootDir: '.',
      outDir: 'dist',
      ...options,
    };
    await writeFile(
      join(this.folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: Object.keys(sources) }),
    );
    try {
      await run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.'], { cwd: this.folder });
    } catch (error) {
      const said =
        typeof error === 'object' && error !== null && 'stdout' in error ? String(error.stdout) : 'tsc failed';
      throw new Error(said, { cause: error });
    }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
