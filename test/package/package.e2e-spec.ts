import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { buildOnce } from '../support/built-service.js';
import { exchange } from '../support/http-exchange.js';
import { killedAtTheEnd } from '../support/leftovers.js';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js';
import { REDIS_INSTALLED, RedisServer } from '../support/redis-server.js';
import { filesOfTheGuide } from './guide.js';
import { FreshApplication, type NewApplication, reachesNoRegistry } from './fresh-application.js';

const run = promisify(execFile);
const ROOT = join(__dirname, '..', '..');

interface Manifest {
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const { devDependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

/** `^11.0.1 || ^12.0.0` allows 11.0.1 and all that is above; `>=0.14.0` allows 0.14.0. */
const lowest = (range: string) => range.replace(/^(?:\^|>=)/, '').replace(/ .*$/, '');
const highest = (range: string) => range.replace(/^.* /, '');

const peers = (version: (range: string) => string) =>
  Object.fromEntries(Object.entries(peerDependencies).map(([name, range]) => [name, version(range)]));

/** Nest 12 on Fastify takes packages that want it. */
const FOR_NODE_22 = 'EBADENGINE';

/** The first that fits any Nest 11 is 11.0.3. */
const LOWEST: NewApplication = {
  type: 'commonjs',
  dependencies: {
    ...peers(lowest),
    '@nestjs/platform-express': lowest(peerDependencies['@nestjs/core'] ?? ''),
    '@nestjs/platform-fastify': '11.0.3',
  },
  devDependencies: { typescript: '5.8.3', '@types/node': devDependencies['@types/node'] ?? '' },
};

const HIGHEST: NewApplication = {
  type: 'module',
  dependencies: { ...peers(highest), '@nestjs/platform-express': '^12.0.0', '@nestjs/platform-fastify': '^12.0.0' },
  devDependencies: {
    '@types/express': devDependencies['@types/express'] ?? '',
    typescript: devDependencies.typescript ?? '',
    '@types/node': devDependencies['@types/node'] ?? '',
  },
};

describe('The package', () => {
  beforeAll(() => buildOnce(), 150_000);

  it('has nothing that publint finds fault with', async () => {
    const { stdout } = await run(process.execPath, [join(ROOT, 'node_modules/publint/src/cli.js'), '--strict'], {
      cwd: ROOT,
    });

    expect(stdout).toContain('All good!');
  });

  it('packs what is built, and nothing else', async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], {
      cwd: ROOT,
    });

    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    const unexpected = files.filter(
      ({ path }) =>
        !/^(?:dist\/.+\.(?:js|d\.ts|css)|dist\/THIRD-PARTY-LICENSES|docs\/[\w.-]+\.md|package\.json|(?:README|CHANGELOG|SECURITY)\.md|LICENSE)$/.test(
          path,
        ),
    );
    expect(unexpected).toEqual([]);
    expect(files.map(({ path }) => path)).toContain('dist/cells-authority/index.d.ts');
  });

  it('exports what is for hosts, and nothing of its insides', async () => {
    const { stdout } = await run(process.execPath, [
      '--input-type=module',
      '-e',
      "console.log(Object.keys(await import('./dist/cells-authority/index.js')).join(' '))",
    ]);

    expect(stdout.trim().split(' ')).toEqual([
      'ASPOSE_API_ORIGIN',
      'CELLS_AUTHORITY_OPTIONS',
      'CellsApiAuthorization',
      'CellsAuthorityController',
      'CellsAuthorityModule',
      'CellsAuthorityService',
      'ErrorResponseDto',
      'InjectCellsApiAuthorization',
      'InjectCellsAuthority',
      'OAuthError',
      'OAuthErrorFilter',
      'PUBLISHED_PATH',
      'SDK_PATHS',
      'TokenRequestDto',
      'TokenResponseDto',
      'TokenSessions',
      'TokenUnavailableFilter',
      'getCellsApiAuthorizationToken',
      'getCellsAuthorityToken',
      'logEvents',
    ]);
  });

  it('has no map, nor a comment that leads to one', async () => {
    const files = await readdir(join(ROOT, 'dist', 'cells-authority'), { recursive: true });
    expect(files.filter((name) => name.endsWith('.map'))).toEqual([]);
    for (const name of files.filter((each) => each.endsWith('.js'))) {
      expect(await readFile(join(ROOT, 'dist', 'cells-authority', name), 'utf8')).not.toContain('sourceMappingURL');
    }
  });

  it('brings at most 25 packages into an application on Express, none of the service, and warns of nothing', async () => {
    const nest = ['@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs'];
    const dependencies = Object.fromEntries(nest.map((name) => [name, highest(peerDependencies[name] ?? '')]));
    await inFreshApplication(
      { type: 'module', dependencies: { ...dependencies, '@nestjs/platform-express': '^12.0.0' } },
      async (application) => {
        expect(await application.install('--package-lock-only')).toEqual([]);
        const packages = await application.packages();
        await application.uninstall('cells-authority', '--package-lock-only');
        const before = await application.packages();

        const brought = packages
          .filter((path) => !before.includes(path))
          .map((path) => path.replace('node_modules/', ''));
        expect(brought.length).toBeLessThanOrEqual(25);
        expect(brought).toEqual(expect.arrayContaining(['cells-authority', 'axios', 'undici']));
        expect(brought).not.toEqual(
          expect.arrayContaining([expect.stringMatching(/fastify|pino|prom-client|swagger|ioredis/)]),
        );
      },
    );
  }, 120_000);

  it.each([
    [
      'the lowest versions that it allows, Nest 11 and CommonJS',
      LOWEST,
      { skipLibCheck: true, exactOptionalPropertyTypes: true },
    ],
    ['the highest versions that it allows, Nest 12 and ES modules', HIGHEST, { skipLibCheck: false }],
  ])(
    'works with %s, on both platforms',
    async (_versions, host, options) => {
      await inFreshApplication(host, async (application) => {
        expect((await application.install()).filter((line) => !line.includes(FOR_NODE_22))).toEqual([]);
        const packages = await application.packages();
        for (const name of ['@nestjs/common', '@nestjs/core', 'axios', 'rxjs', 'reflect-metadata']) {
          expect(packages.filter((path) => path.endsWith(`node_modules/${name}`))).toEqual([`node_modules/${name}`]);
        }
        const authorizationServer = await startOidcProvider();
        const redis = REDIS_INSTALLED ? await RedisServer.start() : undefined;
        try {
          const program = await readFile(join(__dirname, 'platforms.ts.txt'), 'utf8');
          const uses = await readFile(join(__dirname, 'uses.ts.txt'), 'utf8');
          const guide = host.type === 'module' ? applicationOfTheGuide(authorizationServer) : {};
          await application.compile({ ...guide, 'platforms.ts': program, 'uses.ts': uses }, options);

          const platforms = await undisturbed(() => platformsOf(application, authorizationServer, redis?.url));
          expect(platforms).toEqual(['Express', 'Fastify'].map(workingPlatform));
          if (redis !== undefined) expect(platforms[0]?.token).toBe(platforms[1]?.token);
          if (host.type === 'module') await tokenFrom(application, authorizationServer);
        } finally {
          await authorizationServer.close();
          await redis?.kill();
        }
      });
    },
    300_000,
  );
});

async function inFreshApplication(
  host: NewApplication,
  use: (application: FreshApplication) => Promise<void>,
): Promise<void> {
  const application = await FreshApplication.create(host);
  try {
    await use(application);
  } catch (error) {
    if (!reachesNoRegistry(error) || process.env.CI === 'true') throw error;
    console.warn('Skipped: npm reaches no registry, so no fresh application can be made.');
  } finally {
    await application.remove();
  }
}

/** What the program in `platforms.ts.txt` finds, a line for each platform. */
async function platformsOf(
  { folder }: FreshApplication,
  { tokenUrl, client }: OidcProvider,
  redisUrl?: string,
): Promise<Record<string, unknown>[]> {
  const env = {
    PATH: process.env.PATH,
    TOKEN_URL: tokenUrl,
    ASPOSE_CLIENT_ID: client.clientId,
    ASPOSE_CLIENT_SECRET: client.clientSecret,
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
  };
  const { stdout } = await run(process.execPath, ['dist/platforms.js'], { cwd: folder, env });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A busy machine may keep Redis from answering in time for a moment. A Redis that is never used fails the test. */
async function undisturbed(find: () => Promise<Record<string, unknown>[]>): Promise<Record<string, unknown>[]> {
  for (let run = 1; run < 5; run += 1) {
    const platforms = await find();
    if (platforms.every(({ bypassed }) => bypassed === false)) return platforms;
    console.warn(`Redis did not answer in time in run ${run}; the next one begins.`);
  }
  return find();
}

function workingPlatform(name: string): object {
  return {
    name,
    token: expect.stringMatching(/^[\w-]{10}$/),
    echoed: { own: 'parser' },
    operation: 200,
    refused: [400, 'no-store'],
    same: true,
    bypassed: false,
    documented: ['post'],
    schemas: ['PostAccessTokenError', 'PostAccessTokenRequest', 'PostAccessTokenResponse'],
  };
}

/** The application that the guide prints, in front of another authorization server and on any port. */
function applicationOfTheGuide({ tokenUrl }: OidcProvider): Record<string, string> {
  const files = [...filesOfTheGuide()].filter(([path]) => path.startsWith('src/') && !path.endsWith('.spec.ts'));
  const adapted = files.map(([path, text]): [string, string] => [
    path,
    text
      .replace('forRoot({ credentials', `forRoot({ upstreamTokenUrl: '${tokenUrl}', credentials`)
      .replace(
        "await app.listen(3000, '127.0.0.1');",
        "await app.listen(0, '127.0.0.1');\n  console.log('READY', await app.getUrl());\n  process.once('SIGTERM', () => void app.close());",
      ),
  ]);
  expect(adapted).toHaveLength(3);
  return Object.fromEntries(adapted);
}

async function tokenFrom(application: FreshApplication, { client }: OidcProvider): Promise<void> {
  const host = killedAtTheEnd(
    spawn(process.execPath, ['dist/src/main.js'], {
      cwd: application.folder,
      env: { PATH: process.env.PATH, ASPOSE_CLIENT_ID: client.clientId, ASPOSE_CLIENT_SECRET: client.clientSecret },
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const exited = once(host, 'exit');
  try {
    let ready: RegExpExecArray | null = null;
    for await (const line of createInterface({ input: host.stdout })) {
      ready = /READY (\S+)/.exec(line);
      if (ready !== null) break;
    }
    const reply = await exchange(ready?.[1] ?? '', {
      path: '/v4.0/cells/connect/token',
      headers: ['Content-Type', 'application/x-www-form-urlencoded'],
      body: `client_id=${client.clientId}&client_secret=${client.clientSecret}`,
    });
    expect(JSON.parse(reply.body)).toMatchObject({ access_token: expect.any(String), expires_in: expect.any(Number) });
  } finally {
    host.kill('SIGTERM');
  }
  expect(await exited).toEqual([0, null]);
}
