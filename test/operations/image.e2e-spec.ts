import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { reachesNoRegistry } from '../package/fresh-application.js';
import { closedPort } from '../support/closed-port.js';
import { buildOnce } from '../support/built-service.js';
import { killedAtTheEnd } from '../support/leftovers.js';
import { followDockerfile, type ImageProgram } from './image-commands.js';

const run = promisify(execFile);
const ROOT = join(__dirname, '..', '..');

describe('The commands of the image', () => {
  let empty: string;

  beforeAll(async () => {
    await buildOnce();
    empty = await mkdtemp(join(tmpdir(), 'cells-authority-image-'));
  }, 150_000);

  afterAll(async () => {
    await rm(empty, { recursive: true, force: true });
  });

  it('make, in an empty folder, a service that is live and ready for Redis', async () => {
    try {
      const { folder, program } = await followDockerfile(empty);
      await liveAndReadyForRedis(folder, program);
    } catch (error) {
      if (!reachesNoRegistry(error) || process.env.CI === 'true') throw error;
      console.warn('Skipped: npm reaches no registry, so the commands of the image cannot be run.');
    }
  }, 300_000);
});

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

async function liveAndReadyForRedis(cwd: string, { command, healthcheck, env }: ImageProgram): Promise<void> {
  const [node = '', ...words] = command;
  expect(env).toMatchObject({ NODE_ENV: 'production' });
  expect([node, ...words.filter((word) => !word.startsWith('--'))]).toEqual(['node', 'dist/cli.js', 'start']);
  const PATH = process.env.PATH;
  const service = killedAtTheEnd(
    spawn(node, words, {
      cwd,
      // Without ioredis it would end at once.
      env: {
        PATH,
        ...env,
        HOST: '127.0.0.1',
        PORT: '0',
        SHUTDOWN_GRACE_MS: '100',
        TOKEN_CACHE: 'redis',
        REDIS_URL: `redis://127.0.0.1:${await closedPort()}`,
        TOKEN_CACHE_SECRET: 'secret-of-the-image-that-is-long-enough',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const exited = once(service, 'exit');
  try {
    let url: string | undefined;
    for await (const line of createInterface({ input: service.stdout })) {
      url = /"url":"([^"]+)"/.exec(line)?.[1];
      if (url !== undefined) break;
    }
    const live = await fetch(`${String(url)}/health/live`);
    const [probe = '', ...parameters] = healthcheck.slice(healthcheck.indexOf('node'));
    const PORT = new URL(String(url)).port;

    expect(live.status).toBe(200);
    await run(probe, parameters, { env: { PATH, PORT } });
    await expect(run(probe, parameters, { env: { PATH, PORT: String(await closedPort()) } })).rejects.toMatchObject({
      code: 1,
    });
    expect((await readdir(cwd)).sort()).toEqual(['LICENSE', 'dist', 'package.json']);
    const files = await readdir(join(cwd, 'dist'));
    expect(files).toContain('THIRD-PARTY-LICENSES');
    // Whoever builds the commit elsewhere gets the same files, byte for byte.
    const differing = files.filter((file) => digest(join(cwd, 'dist', file)) !== digest(join(ROOT, 'dist', file)));
    expect(differing).toEqual([]);
    expect(files.filter((file) => !/^[\w-]+\.(?:js|css)$|^THIRD-PARTY-LICENSES$/.test(file))).toEqual([]);
  } finally {
    service.kill('SIGTERM');
  }
  expect(await exited).toEqual([0, null]);
}
