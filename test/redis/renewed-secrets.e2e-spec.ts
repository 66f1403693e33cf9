import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AsposeLimits } from '../support/aspose-limits.js';
import { type BuiltService, buildOnce, startBuiltService } from '../support/built-service.js';
import { exchange } from '../support/http-exchange.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { until } from './instances.js';

const SECRET = 'secret-of-every-client';
const OLD = 'old-secret-of-the-cache-0123456789';
const NEW = 'new-secret-of-the-cache-0123456789';

describeWithRedis('Secrets in files that change', () => {
  const folder = mkdtempSync(join(tmpdir(), 'renewed-secrets-'));
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  let redis: RedisServer;
  let upstream: AsposeLimits;
  let service: BuiltService;

  beforeAll(async () => {
    await buildOnce();
    redis = await RedisServer.start();
    await redis.command('CONFIG', 'SET', 'requirepass', 'hidden-1');
    upstream = await AsposeLimits.start({
      clients: Array.from({ length: 10 }, (_, i): [string, string] => [`client-${i}`, SECRET]),
    });
    service = await startBuiltService({
      env: {
        UPSTREAM_TOKEN_URL: upstream.tokenUrl,
        TOKEN_CACHE: 'redis',
        REDIS_URL_FILE: write('redis-url', `redis://:hidden-1@127.0.0.1:${redis.port}\n`),
        TOKEN_CACHE_SECRET_FILE: write('cache-secret', `${OLD}\n`),
      },
    });
  }, 150_000);
  afterAll(async () => {
    await service.stop();
    await upstream.close();
    await redis.kill();
    rmSync(folder, { recursive: true });
  });

  const ask = async (nth: number) => {
    const path = `/connect/token?client_id=client-${nth}&client_secret=${SECRET}`;
    expect((await exchange(service.origin, { path })).status).toBe(200);
  };
  const kept = async () => ((await redis.command('KEYS', 'ca:token:*')) as string[]).length;
  const told = (event: string) => service.output().split(`"event":"${event}"`).length - 1;
  const used = () => service.output().split('"msg":"Redis is used"').length - 1;

  it('are used without a restart: the password of Redis', async () => {
    await until(() => used() === 1);
    await ask(0);
    await until(async () => (await kept()) === 1);

    await redis.command('CONFIG', 'SET', 'requirepass', 'hidden-2');
    write('redis-url', `redis://:hidden-2@127.0.0.1:${redis.port}\n`);
    await until(() => told('secrets_renewed') === 1 && used() === 2);
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');

    await until(() => used() === 3);
    await ask(1);
    await until(async () => (await kept()) === 2);
    expect(service.output()).not.toContain('"reason":"password"');
  });

  it('are used without a restart: the secret of the cache, while the old one is still read', async () => {
    write('cache-secret', `${NEW},${OLD}\n`);
    await until(() => told('secrets_renewed') === 2 && used() === 4);
    await ask(2);
    await until(async () => (await kept()) === 3);
    expect(await redis.command('GET', 'ca:secrets')).toMatch(/^[\w-]{16},[\w-]{16}$/);
    expect(service.output()).not.toContain('other_secret');
  });

  it('are refused when they cannot be used, and not quoted', async () => {
    write('redis-url', 'redis://:hidden-3@a b\n');
    await until(() => told('secrets_refused') === 1);

    expect(service.output()).toContain('REDIS_URL is not valid; allowed: a redis:// or rediss:// URL');
    await ask(3);
    await until(async () => (await kept()) === 4);
    expect(service.output()).not.toMatch(/hidden-|secret-of-the-cache/);
  });
});
