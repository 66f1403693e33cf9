import { buffer } from 'node:stream/consumers';
import { HttpUpstream } from '../gateway/test-gateway.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange } from '../support/http-exchange.js';
import { startService } from '../support/service.js';
import { DocumentedBalancer } from './documented-balancer.js';
import { settled } from './resources.js';

const SECRET = 'nginx-test-secret-0123456789';

describe('nginx as the documentation sets it up', () => {
  it('writes no secret to its logs, shows no metrics, passes files on and tells whose request it is', async () => {
    if (!DocumentedBalancer.isAvailable('nginx')) {
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
    const instance = Number(new URL(service.origin).port);
    const nginx = await DocumentedBalancer.start('nginx', [instance, instance, instance]);

    const query = `client_id=proxied&client_secret=${SECRET}`;
    const good = await exchange(nginx.origin, { path: `/v4.0/cells/connect/token?${query}` });
    expect(good.status).toBe(200);
    await exchange(nginx.origin, { path: `/connect/token?${query}`, body: 'x'.repeat(20_000) });
    const path = '/v3.0/cells/storage/file/nginx-test-file.xlsx';
    const upload = await fetch(nginx.origin + path, { method: 'PUT', body: Buffer.alloc(1_000_000) });
    expect(await upload.text()).toBe('1000000');
    expect((await exchange(nginx.origin, { path: '/metrics', method: 'GET' })).status).toBe(404);
    // A forged address does not get past the proxy: all guesses count for one client.
    const statuses: number[] = [];
    for (let nth = 0; nth < 15; nth += 1) {
      const guess = {
        path: `/connect/token?client_id=guessed&client_secret=guess-${nth}`,
        headers: ['X-Forwarded-For', `203.0.113.${nth}`],
      };
      statuses.push((await exchange(nginx.origin, guess)).status);
    }
    expect(statuses.at(-1)).toBe(429);

    await settled(() => nginx.written().split('\n').length > 17);
    const written = await nginx.close();
    await service.close();
    await upstream.close();
    await cellsApi.close();

    expect(written).toMatch(/^127\.0\.0\.1 \[[^\]]+\] token 200 /m);
    expect(written).toMatch(/ cells-api 200 /);
    expect(written).not.toMatch(/client_secret|nginx-test-secret|guess-/);
  }, 60_000);
});
