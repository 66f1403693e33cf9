import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { codeBlocks } from '../docs/markdown.js';
import { HttpUpstream } from '../gateway/test-gateway.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { closedPort } from '../support/closed-port.js';
import { exchange } from '../support/http-exchange.js';
import { startService } from '../support/service.js';
import { settled } from './resources.js';

const NGINX = ['/usr/sbin/nginx', '/usr/bin/nginx'].find((path) => existsSync(path));
const SECRET = 'nginx-test-secret-0123456789';

/** Exactly the configuration in the documentation, so that what people copy is tested. */
function documentedConfiguration(listen: number, service: number): string {
  const [shown] = codeBlocks('docs/balancers.md').filter(({ language }) => language === 'nginx');
  if (shown === undefined) throw new Error('docs/balancers.md shows no nginx configuration');
  return shown.code
    .replace('127.0.0.1:8080', `127.0.0.1:${listen}`)
    .replace(/127\.0\.0\.1:300\d/g, `127.0.0.1:${service}`);
}

function configure(folder: string, http: string): string {
  const file = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const inFolder = http
    .replace('access_log access.log', `access_log ${folder}/access.log`)
    .replace('error_log error.log', `error_log ${folder}/error.log`);
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log crit; events {} http { ${temporary.join(' ')} ${inFolder} }`,
  );
  return file;
}

async function listening(port: number, nginx: ChildProcess): Promise<void> {
  for (;;) {
    if (nginx.exitCode !== null) throw new Error('nginx ended');
    const up = await exchange(`http://127.0.0.1:${port}`, { path: '/health/live', method: 'GET' }).then(
      () => true,
      () => false,
    );
    if (up) return;
  }
}

describe('nginx as the documentation sets it up', () => {
  it('writes no secret to its logs, shows no metrics, passes files on and tells whose request it is', async () => {
    if (NGINX === undefined) {
      expect(process.env.CI).not.toBe('true');
      process.stdout.write('nginx is not installed: its configuration is not tested\n');
      return;
    }
    const upstream = await AsposeLimits.start({ clients: [['proxied', SECRET]] });
    const cellsApi = await HttpUpstream.start((request, response) => {
      void buffer(request).then((file) => response.end(String(file.length)));
    });
    const service = await startService({
      UPSTREAM_TOKEN_URL: upstream.tokenUrl,
      CELLS_API_URL: cellsApi.origin,
      TRUST_PROXY: '127.0.0.1',
    });
    const folder = mkdtempSync(join(tmpdir(), 'cells-authority-nginx-'));
    const port = await closedPort();
    const file = configure(folder, documentedConfiguration(port, Number(new URL(service.origin).port)));
    expect(spawnSync(NGINX, ['-t', '-c', file], { encoding: 'utf8' }).stderr).toContain('test is successful');
    const nginx = spawn(NGINX, ['-c', file], { stdio: 'ignore' });
    await listening(port, nginx);

    const query = `client_id=proxied&client_secret=${SECRET}`;
    const good = await exchange(`http://127.0.0.1:${port}`, { path: `/v4.0/cells/connect/token?${query}` });
    expect(good.status).toBe(200);
    await exchange(`http://127.0.0.1:${port}`, { path: `/connect/token?${query}`, body: 'x'.repeat(20_000) });
    const path = '/v3.0/cells/storage/file/nginx-test-file.xlsx';
    const upload = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'PUT', body: Buffer.alloc(1_000_000) });
    expect(await upload.text()).toBe('1000000');
    expect((await exchange(`http://127.0.0.1:${port}`, { path: '/metrics', method: 'GET' })).status).toBe(404);
    // A forged address does not get past the proxy: all guesses count for one client.
    const statuses: number[] = [];
    for (let nth = 0; nth < 15; nth += 1) {
      const guess = {
        path: `/connect/token?client_id=guessed&client_secret=guess-${nth}`,
        headers: ['X-Forwarded-For', `203.0.113.${nth}`],
      };
      statuses.push((await exchange(`http://127.0.0.1:${port}`, guess)).status);
    }
    expect(statuses.at(-1)).toBe(429);

    const log = () => readFileSync(join(folder, 'access.log'), 'utf8');
    await settled(() => log().split('\n').length > 17);
    const exited = once(nginx, 'exit');
    nginx.kill('SIGTERM');
    await exited;
    await service.close();
    await upstream.close();
    await cellsApi.close();

    expect(log()).toMatch(/^127\.0\.0\.1 \[[^\]]+\] token 200 /m);
    expect(log()).toMatch(/ cells-api 200 /);
    expect(log() + readFileSync(join(folder, 'error.log'), 'utf8')).not.toMatch(
      /client_secret|nginx-test-secret|guess-/,
    );
  }, 60_000);
});
