import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { buildOnce } from '../support/built-service.js';
import { exchange } from '../support/http-exchange.js';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js';
import { FreshApplication } from './fresh-application.js';

const run = promisify(execFile);
const ROOT = join(__dirname, '..', '..');
const SERVICE_PACKAGES = [
  '@fastify',
  '@nestjs/config',
  '@nestjs/platform-fastify',
  '@nestjs/terminus',
  'fastify',
  'pino',
  'pino-pretty',
  'prom-client',
];

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
        !/^(?:dist\/.+\.(?:js|d\.ts|css)|dist\/THIRD-PARTY-LICENSES|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/.test(
          path,
        ),
    );
    expect(unexpected).toEqual([]);
    expect(files.map(({ path }) => path)).toContain('dist/cells-authority/index.d.ts');
  });

  it('works in a fresh application: npm install, tsc --strict, start, token', async () => {
    const application = await FreshApplication.install();
    if (application === undefined) {
      if (process.env.CI === 'true') throw new Error('npm reaches no registry');
      console.warn('Skipped: npm reaches no registry, so no fresh application can be made.');
      return;
    }
    const authorizationServer = await startOidcProvider();
    try {
      for (const name of ['@nestjs/common', '@nestjs/core', 'axios', 'rxjs', 'reflect-metadata']) {
        expect({ name, copies: await application.copiesOf(name) }).toEqual({
          name,
          copies: [`${name}/package.json`],
        });
      }
      expect(await application.copiesOf('ioredis')).toEqual([]);

      await application.compile({
        'main.ts': await mainOfTheGuide(authorizationServer),
        'uses.ts': await readFile(join(__dirname, 'uses.ts.txt'), 'utf8'),
      });
      await application.without(...SERVICE_PACKAGES);

      await tokenFrom(application, authorizationServer);
    } finally {
      await authorizationServer.close();
      await application.remove();
    }
  }, 300_000);
});

/** The first program of the guide, in front of another authorization server and on any port. */
async function mainOfTheGuide({ tokenUrl }: OidcProvider): Promise<string> {
  const guide = await readFile(join(ROOT, 'docs', 'module.md'), 'utf8');
  const [, program = ''] = /```ts\n(.*?)```/s.exec(guide) ?? [];
  return program
    .replace('credentials:', `upstreamTokenUrl: '${tokenUrl}', credentials:`)
    .replace('listen(3000', 'listen(0')
    .concat("console.log('READY', await app.getUrl(), token.length);\n")
    .concat("process.once('SIGTERM', () => void app.close());\n");
}

async function tokenFrom(application: FreshApplication, { client }: OidcProvider): Promise<void> {
  const host = spawn(process.execPath, ['dist/main.js'], {
    cwd: application.folder,
    env: { PATH: process.env.PATH, ASPOSE_CLIENT_ID: client.clientId, ASPOSE_CLIENT_SECRET: client.clientSecret },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(host, 'exit');
  try {
    let ready: RegExpExecArray | null = null;
    for await (const line of createInterface({ input: host.stdout })) {
      ready = /READY (\S+) (\d+)/.exec(line);
      if (ready !== null) break;
    }
    expect(Number(ready?.[2])).toBeGreaterThan(100);
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
