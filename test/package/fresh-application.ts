import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(__dirname, '..', '..');
const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
/** What npm says when there is no registry to be reached, which is nobody's fault here. */
const OFFLINE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT/;

/** Whether an npm command failed for that reason. */
export function reachesNoRegistry(error: unknown): boolean {
  return error instanceof Error && OFFLINE.test(error.message);
}

interface Manifest {
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** A new NestJS application on Express in a temporary folder, with the packed library installed by npm. */
export class FreshApplication {
  private constructor(readonly folder: string) {}

  /** `undefined` when npm reaches no registry. */
  static async install(): Promise<FreshApplication | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'cells-authority-host-'));
    const { devDependencies, peerDependencies } = JSON.parse(
      await readFile(join(ROOT, 'package.json'), 'utf8'),
    ) as Manifest;
    await run('npm', ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder], { cwd: ROOT });
    const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    const versionsOf = (from: Readonly<Record<string, string>>, ...names: string[]) =>
      Object.fromEntries(names.map((name) => [name, from[name]]));
    const manifest = {
      name: 'host',
      private: true,
      type: 'module',
      dependencies: {
        'cells-authority': `file:${tarball}`,
        ...versionsOf(devDependencies, '@nestjs/platform-express'),
        ...versionsOf(peerDependencies, '@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'),
      },
      devDependencies: versionsOf(devDependencies, 'typescript', '@types/node'),
    };
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    const application = new FreshApplication(folder);
    try {
      await run('npm', INSTALL, { cwd: folder });
      return application;
    } catch (error) {
      await application.remove();
      if (reachesNoRegistry(error)) return undefined;
      throw error;
    }
  }

  /** Compiles under `strict`, declarations of all packages included. @throws Error with what the compiler says. */
  async compile(sources: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(sources)) await writeFile(join(this.folder, name), text);
    const compilerOptions = {
      target: 'es2023',
      module: 'nodenext',
      strict: true,
      skipLibCheck: false,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      types: ['node'],
      rootDir: '.',
      outDir: 'dist',
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

  /** Where each copy of a package is. */
  async copiesOf(name: string): Promise<string[]> {
    const entries = await readdir(join(this.folder, 'node_modules'), { recursive: true });
    return entries.filter((entry) => `/${entry}`.endsWith(`/${name}/package.json`) && isPackageFolder(entry, name));
  }

  /** Takes packages away, as if they had never been installed. */
  async without(...names: string[]): Promise<void> {
    for (const name of names) await rm(join(this.folder, 'node_modules', name), { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

function isPackageFolder(entry: string, name: string): boolean {
  const parent = entry.slice(0, -`${name}/package.json`.length);
  return parent === '' || parent.endsWith('node_modules/');
}
