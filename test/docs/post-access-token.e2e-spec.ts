import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { closedPort } from '../support/closed-port.js';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js';
import { type RunningService, startService } from '../support/service.js';
import { installedProgram, mustRun } from './installed-program.js';
import { codeBlocks, type CodeBlock, readMarkdown } from './markdown.js';

const ENGLISH = 'docs/post-access-token.md';
const TRANSLATIONS = ['es', 'fr', 'it', 'ru'].map((language) => `docs/post-access-token.${language}.md`);
const DEMO_ORIGIN = 'http://127.0.0.1:3000';
const TOKEN = /^ey[\w-]+\.[\w-]+\.[\w-]+$/;

/** How the code of a language is run. */
const INTERPRETERS: Readonly<Record<string, { program: string; arguments: readonly string[]; extension: string }>> = {
  js: { program: 'node', arguments: [], extension: 'mjs' },
  python: { program: 'python3', arguments: [], extension: 'py' },
  go: { program: 'go', arguments: ['run'], extension: 'go' },
  php: { program: 'php', arguments: [], extension: 'php' },
  ruby: { program: 'ruby', arguments: [], extension: 'rb' },
  perl: { program: 'perl', arguments: [], extension: 'pl' },
};
const blocks = codeBlocks(ENGLISH);
const curlLines = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ code }) => code.trim().split('\n'))
  .filter((line) => line.startsWith('curl '));

describe('the lines that get a token', () => {
  let authorizationServer: OidcProvider;
  let service: RunningService;
  let folder: string;

  beforeAll(async () => {
    authorizationServer = await startOidcProvider();
    service = await startService({ UPSTREAM_TOKEN_URL: authorizationServer.tokenUrl });
    folder = mkdtempSync(join(tmpdir(), 'token-lines-'));
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await service.close();
    await authorizationServer.close();
  });

  async function run(program: string, parameters: readonly string[]): Promise<string> {
    const { clientId, clientSecret } = authorizationServer.client;
    const { stdout } = await promisify(execFile)(program, parameters, {
      env: { ...process.env, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret },
      timeout: 110_000,
    });
    return stdout.trim();
  }

  const here = (code: string) => code.replaceAll(DEMO_ORIGIN, service.origin);

  (mustRun(installedProgram('curl')) ? it : it.skip).each(curlLines)('%s', async (line) => {
    const output = await run('bash', ['-c', here(line)]);
    const token = output.startsWith('{') ? (JSON.parse(output) as { access_token: string }).access_token : output;
    expect(token).toMatch(TOKEN);
  });

  describe.each(Object.entries(INTERPRETERS))('in %s', (language, { program, arguments: parameters, extension }) => {
    const path = installedProgram(program);

    (mustRun(path) ? it : it.skip)(
      'print the token',
      async () => {
        if (path === undefined) throw new Error(`${program} is not installed`);
        const [block] = blocks.filter((candidate) => candidate.language === language);
        const file = join(folder, `token.${extension}`);
        writeFileSync(file, here(block?.code ?? ''));
        expect(await run(path, [...parameters, file])).toMatch(TOKEN);
        // Go's first run on a machine compiles what it needs.
      },
      120_000,
    );
  });

  it('are there for .NET and Java, too', () => {
    const languages = new Set(blocks.map(({ language }) => language));
    expect([...languages]).toEqual(expect.arrayContaining(['csharp', 'java', ...Object.keys(INTERPRETERS)]));
  });
});

describe.each(TRANSLATIONS)('%s', (file) => {
  it('has the same code', () => {
    const code = (block: CodeBlock) => [block.language, block.code];
    expect(codeBlocks(file).map(code)).toEqual(blocks.map(code));
  });

  it('has the same outline, with nothing left in English', () => {
    const headings = (path: string) => readMarkdown(path).match(/^#{1,6} .+$/gm) ?? [];
    const lines = (path: string) =>
      readMarkdown(path)
        .replace(/^```[\s\S]*?^```$/gm, '')
        .split('\n')
        .filter((line) => line !== '');
    const depth = (heading: string) => heading.indexOf(' ');
    expect(headings(file).map(depth)).toEqual(headings(ENGLISH).map(depth));
    const long = (line: string) => line.length > 60 && !line.startsWith('[');
    expect(lines(file).filter((line) => long(line) && lines(ENGLISH).includes(line))).toEqual([]);
    expect(lines(file)).toHaveLength(lines(ENGLISH).length);
  });
});

const nginx = installedProgram('nginx');

(mustRun(nginx) ? describe : describe.skip)('the nginx configuration', () => {
  it('sends the token paths to the service and the rest to Aspose, and logs no query', async () => {
    if (nginx === undefined) throw new Error('nginx is not installed');
    const [service, aspose] = await Promise.all([standIn('service'), standIn('aspose')]);
    const port = await closedPort();
    const server = (blocks.find(({ language }) => language === 'nginx')?.code ?? '')
      .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
      .replace(DEMO_ORIGIN, service.origin)
      .replace('https://api.aspose.cloud', aspose.origin);
    const proxy = await startNginx(nginx, server, port).catch(async (error: unknown) => {
      await Promise.all([service.close(), aspose.close()]);
      throw error;
    });
    try {
      const reached = async (path: string) =>
        (await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST' })).text();
      for (const path of [
        '/v4.0/cells/connect/token',
        '/v3.0/cells/connect/token',
        '/v3.0/connect/token',
        '/connect/token',
        '/oauth2/token',
        '//connect/token',
      ]) {
        expect(await reached(`${path}?client_secret=s3cret`)).toBe(`service ${path}?client_secret=s3cret 127.0.0.1`);
      }
      for (const path of ['/v3.0/cells/Book1.xlsx', '/v4.0/cells/connect/tokens', '/connect', '/']) {
        expect(await reached(path)).toMatch(/^aspose /);
      }
      await service.close();
      await reached('/connect/token?client_secret=s3cret');
      expect(proxy.output()).not.toContain('s3cret');
    } finally {
      await proxy.stop();
      await Promise.all([service.close(), aspose.close()]);
    }
  });
});

interface StandIn {
  readonly origin: string;
  close(): Promise<void>;
}

/** Answers with its name and what it was asked. */
async function standIn(name: string): Promise<StandIn> {
  const server = createServer((request, response) => {
    response.end(`${name} ${request.url ?? ''} ${String(request.headers['x-forwarded-for'])}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function startNginx(program: string, server: string, port: number) {
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
  chmodSync(folder, 0o755);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(' ');
  const configuration = `daemon off; master_process off; pid ${folder}/pid; error_log stderr notice;
    events {} http { access_log ${folder}/access.log; ${temporary} ${server} }`;
  writeFileSync(join(folder, 'nginx.conf'), configuration);
  const child = spawn(program, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true });
  };
  for (let tries = 0; tries < 100; tries += 1) {
    if (child.exitCode !== null) throw new Error(output);
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answered) return { stop, output: () => output + readFileSync(join(folder, 'access.log'), 'utf8') };
    await delay(50);
  }
  await stop();
  throw new Error(`nginx did not answer:\n${output}`);
}
