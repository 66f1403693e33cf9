import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { buildOnce } from '../support/built-service.js';
import { filesOfTheGuide } from './guide.js';

const run = promisify(execFile);
const ROOT = join(__dirname, '..', '..');
const INSTALLED = join(ROOT, 'node_modules');

interface Recipe {
  readonly folder: string;
  readonly type: 'commonjs' | 'module';
  readonly command: readonly string[];
}

const RECIPES: readonly Recipe[] = [
  { folder: 'jest-commonjs', type: 'commonjs', command: ['node_modules/jest/bin/jest.js'] },
  { folder: 'jest-esm', type: 'module', command: ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'] },
  { folder: 'vitest', type: 'module', command: ['node_modules/vitest/vitest.mjs', 'run'] },
];

describe("The guide's recipe for tests", () => {
  const files = filesOfTheGuide();
  let application: string;

  beforeAll(async () => {
    await buildOnce();
    application = await mkdtemp(join(tmpdir(), 'cells-authority-recipe-'));
    await installPackages(join(application, 'node_modules'));
  }, 150_000);

  afterAll(() => rm(application, { recursive: true, force: true }));

  it.each(RECIPES)(
    'passes with nothing in the environment: $folder',
    async ({ folder, type, command }) => {
      await rm(join(application, 'src'), { recursive: true, force: true });
      const written = [...files].filter(([path]) => path.startsWith('src/') || path.startsWith(`${folder}/`));
      for (const [path, text] of written) await write(join(application, path.replace(`${folder}/`, '')), text);
      await write(join(application, 'package.json'), JSON.stringify({ name: 'host', private: true, type }));

      const { stdout, stderr } = await run(process.execPath, command, {
        cwd: application,
        env: { PATH: process.env.PATH, CI: 'true', NO_COLOR: '1' },
      });

      expect(written.length).toBeGreaterThanOrEqual(4);
      expect(`${stdout}${stderr}`).toMatch(/Tests:? +1 passed/);
      for (const [path] of written.filter(([name]) => name.startsWith(folder))) {
        await rm(join(application, path.replace(`${folder}/`, '')));
      }
    },
    120_000,
  );
});

/** What is installed here, and the built library as a package of its own, so that its imports are found there. */
async function installPackages(folder: string): Promise<void> {
  await mkdir(folder);
  for (const name of await readdir(INSTALLED)) {
    if (!name.startsWith('.')) await symlink(join(INSTALLED, name), join(folder, name));
  }
  const library = join(folder, 'cells-authority');
  await cp(join(ROOT, 'dist', 'cells-authority'), join(library, 'dist', 'cells-authority'), { recursive: true });
  await cp(join(ROOT, 'package.json'), join(library, 'package.json'));
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
