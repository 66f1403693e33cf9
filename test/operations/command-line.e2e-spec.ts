import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { AsposeLimits } from '../support/aspose-limits.js';
import { buildOnce } from '../support/built-service.js';
import { LeakScanner } from '../support/leak-scanner.js';
import { killedAtTheEnd } from '../support/leftovers.js';

const ROOT = join(__dirname, '..', '..');
const CLI = join(ROOT, 'dist', 'cli.js');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const CLIENT_ID = 'client-of-the-command-line';
const CLIENT_SECRET = 'secret-of-the-command-line';
const CACHE_SECRET = 'secret-of-the-cache-'.repeat(2);

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(command: readonly string[], env: Record<string, string> = {}, cwd = __dirname): Promise<Run> {
  const child = killedAtTheEnd(
    spawn(process.execPath, [CLI, ...command], {
      env: { PATH: process.env.PATH, ...env },
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, stdout, stderr };
}

describe('The command line', () => {
  let upstream: AsposeLimits;

  beforeAll(async () => {
    await buildOnce();
    upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
  }, 150_000);

  afterAll(async () => {
    await upstream.close();
  });

  it('explains itself', async () => {
    const { code, stdout } = await run(['--help']);

    expect(code).toBe(0);
    expect(stdout).toContain('cells-authority token');
  });

  it('prints its version', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('prints the effective configuration without a secret', async () => {
    const { code, stdout } = await run(['--print-config'], {
      PORT: '4000',
      ASPOSE_CLIENT_ID: CLIENT_ID,
      ASPOSE_CLIENT_SECRET: CLIENT_SECRET,
      REDIS_URL: 'redis://:password-of-redis@127.0.0.1',
    });

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      PORT: 4000,
      UPSTREAM_TIMEOUT_MS: 8000,
      ASPOSE_CLIENT_SECRET: '***',
      REDIS_URL: '***',
      TOKEN_CACHE_SECRET: null,
    });
    expect(stdout).not.toMatch(/command-line|password/);
  });

  it('reads a file .env, whatever its editor began it with, for what the environment does not set', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dot-env-'));
    writeFileSync(join(folder, '.env'), '\uFEFFPORT=4001\nDOCS=off\n');
    const { stdout } = await run(['--print-config'], { DOCS: 'on' }, folder);
    rmSync(join(folder, '.env'));
    mkdirSync(join(folder, '.env'));
    const unreadable = await run(['--print-config'], {}, folder);
    rmSync(folder, { recursive: true });

    expect(JSON.parse(stdout)).toMatchObject({ PORT: 4001, DOCS: 'on' });
    expect(unreadable).toEqual({ code: 78, stdout: '', stderr: 'cells-authority: .env cannot be read (EISDIR)\n' });
  });

  it('prints a token, and nothing else on stdout', async () => {
    const { code, stdout, stderr } = await run(['token'], {
      UPSTREAM_TOKEN_URL: upstream.tokenUrl,
      ASPOSE_CLIENT_ID: CLIENT_ID,
      ASPOSE_CLIENT_SECRET: CLIENT_SECRET,
    });

    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^[\w.~+/-]{20,}=*\n$/) as string });
    expect(stderr).toMatch(/^Asking 127\.0\.0\.1:\d+ for a token \.\.\.\n$/);
  });

  it.each<[string, number, Record<string, string>, RegExp]>([
    ['without credentials', 1, {}, /ASPOSE_CLIENT_ID and ASPOSE_CLIENT_SECRET/],
    ['for a wrong secret', 1, { ASPOSE_CLIENT_ID: CLIENT_ID, ASPOSE_CLIENT_SECRET: 'wrong-secret' }, /invalid_client/],
    ['for a wrong setting', 78, { PORT: 'many' }, /PORT is "many"/],
  ])('prints no token %s', async (_case, exitCode, env, reason) => {
    const { code, stdout, stderr } = await run(['token'], { UPSTREAM_TOKEN_URL: upstream.tokenUrl, ...env });

    expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
    expect(stderr).toMatch(reason);
    expect(stderr).not.toContain('wrong-secret');
  });

  it.each<[string, number, Record<string, string>, RegExp]>([
    [
      'a password in a URL',
      78,
      { UPSTREAM_TOKEN_URL: `http://user:${CLIENT_SECRET}@a.example/?key=${CLIENT_SECRET}` },
      /^UPSTREAM_TOKEN_URL is "http:\/\/a\.example"; /,
    ],
    [
      'a password for Redis',
      78,
      {
        TOKEN_CACHE: 'redis',
        TOKEN_CACHE_SECRET: 'x'.repeat(32),
        REDIS_URL: `rediss://:${CLIENT_SECRET}@127.0.0.1?ca=none.pem`,
      },
      /of REDIS_URL must be a readable PEM file/,
    ],
    ['proxies that are none', 78, { TRUST_PROXY: '10.0.0.0/64' }, /^TRUST_PROXY is "10\.0\.0\.0\/64"; /],
    ['a foreign address', 1, { HOST: '203.0.113.1' }, /^HOST is no address/],
    ['a name that is not found', 1, { HOST: 'nowhere.invalid' }, /^HOST is no address/],
    ['a certificate that is not there', 78, { TLS_CERT_FILE: 'none.pem', TLS_KEY_FILE: 'none.pem' }, /^TLS_CERT_FILE /],
  ])('does not start with %s, names the variable and shows nothing secret', async (_case, exitCode, env, reason) => {
    const { code, stderr } = await run(['start'], { PORT: '0', LOG_LEVEL: 'silent', ...env });

    expect({ code, stderr: stderr.replace(/^cells-authority: /, '') }).toEqual({
      code: exitCode,
      stderr: expect.stringMatching(reason) as string,
    });
    expect(stderr).not.toContain(CLIENT_SECRET);
  });

  it.each<[string, string[], RegExp]>([
    ['without a Client ID', ['fingerprint'], /needs a Client ID/],
    ['without the secret of the cache', ['fingerprint', CLIENT_ID], /needs TOKEN_CACHE_SECRET/],
  ])('prints no fingerprint %s', async (_case, command, reason) => {
    expect(await run(command)).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(reason) as string });
  });

  it('says which port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const settings = { LOG_LEVEL: 'silent', METRICS_PORT: String(port), PORT: '0' };
    expect(await run(['start'], settings)).toEqual({
      code: 1,
      stdout: '',
      stderr: `cells-authority: port ${port} is taken; set METRICS_PORT to another one\n`,
    });
    taken.close();
  });

  it('refuses unknown arguments, and does not repeat them', async () => {
    const { code, stderr } = await run([CLIENT_SECRET]);

    expect(code).toBe(2);
    expect(stderr).not.toContain(CLIENT_SECRET);
  });

  it('says no more than it should while it starts, serves and stops', async () => {
    const child = killedAtTheEnd(
      spawn(process.execPath, [CLI], {
        env: {
          PATH: process.env.PATH,
          PORT: '0',
          LOG_LEVEL: 'trace',
          SHUTDOWN_GRACE_MS: '100',
          UPSTREAM_TIMEOUT: '1000',
          TOKEN_CACHE_SECRET: CACHE_SECRET,
          UPSTREAM_TOKEN_URL: upstream.tokenUrl,
          ASPOSE_CLIENT_ID: CLIENT_ID,
          ASPOSE_CLIENT_SECRET: CLIENT_SECRET,
        },
        cwd: __dirname,
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    const exited = once(child, 'exit') as Promise<[number | null]>;
    let output = '';
    const url = await new Promise<string>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const found = /"url":"([^"]+)"[^\n]*Listening/.exec(output)?.[1];
        if (found !== undefined) resolve(found);
      });
    });
    const path = '/connect/token';
    for (const secret of [CLIENT_SECRET, CLIENT_SECRET, 'wrong-secret', 'a\n{"level":60}']) {
      const query = new URLSearchParams({ client_id: CLIENT_ID, client_secret: secret });
      const headers = { 'X-Request-Id': `request-${secret.length}`, 'User-Agent': 'x"}\\n{"level":60' };
      await (await fetch(`${url}${path}?${query.toString()}`, { method: 'POST', headers })).text();
    }
    const metrics = await (await fetch(`${url}/metrics`)).text();
    child.kill('SIGTERM');
    await Promise.all([exited, once(child.stdout, 'close')]);

    const lines = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const events = lines.flatMap(({ event }) => (event === undefined ? [] : [event]));
    expect(lines[0]).toMatchObject({ level: 40, name: 'UPSTREAM_TIMEOUT', nearest: 'UPSTREAM_TIMEOUT_MS' });
    expect(events).toEqual([
      'unknown_variable',
      'start',
      'upstream_request',
      'token_served',
      'token_served',
      'upstream_request',
      'held',
      'request_refused',
      'request_refused',
      'stop',
      'stopped',
    ]);
    expect(lines.find(({ event }) => event === 'start')).toMatchObject({ version, node: process.version });
    expect(metrics).toContain(`\ncells_authority_build_info{version="${version}",node="${process.version}"} 1\n`);
    expect(lines.find(({ event }) => event === 'request_refused')).toMatchObject({
      requestId: 'request-12',
      path,
      credentialForm: 'query',
      outcome: 'invalid_client',
      status: 400,
    });
    expect(lines.every(({ level }) => level !== 60)).toBe(true);
    const fingerprint = await run(['fingerprint', CLIENT_ID], { TOKEN_CACHE_SECRET: CACHE_SECRET });
    expect(lines.find(({ event }) => event === 'held')?.client).toBe(fingerprint.stdout.trim());
    const scanner = new LeakScanner()
      .protectCredentials('pair', CLIENT_ID, CLIENT_SECRET)
      .protect('client id', CLIENT_ID)
      .protect('secret of the cache', CACHE_SECRET)
      .protect('refused secret', 'wrong-secret');
    scanner.add('log', output);
    expect(scanner.leaks()).toEqual([]);
  });
});
