import { type CellsAuthorityOptions } from '../../src/cells-authority/index.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { ScriptedRedis } from '../support/scripted-redis.js';
import { Instance, until } from './instances.js';

const SECRET = 'c1f0a9d4e2b34f7795a6c1f0a9d4e2b3';
const CLIENTS = Array.from({ length: 20 }, (_, i): [string, string] => [`client-${i}`, SECRET]);

/** An error that nobody handles fails the test that is running, as it would end the process. */
describe('A Redis that answers wrongly', () => {
  let redis: ScriptedRedis;
  let upstream: AsposeLimits;
  let instance: Instance;

  beforeEach(async () => {
    redis = await ScriptedRedis.start();
    upstream = await AsposeLimits.start({ clients: CLIENTS, record: false });
  });

  afterEach(async () => {
    await instance.close();
    await upstream.close();
    await redis.close();
  });

  async function start(options: CellsAuthorityOptions = {}): Promise<void> {
    const defaults = { upstreamTokenUrl: upstream.tokenUrl, redisUrl: redis.url };
    instance = await Instance.start(Object.assign(defaults, options));
    await instance.connected();
  }

  it('with a number where the place of a token should be: the token counts as tampered with', async () => {
    redis.script = ([name, key = '']) =>
      !key.startsWith('ca:issued') ? undefined : name === 'get' ? ':5\r\n' : name === 'pttl' ? ':50000\r\n' : undefined;
    await start();
    instance.service.invalidate('made-up');
    await until(() => instance.outcomes('read').includes('tampered'));
    expect(await instance.ask('client-0', SECRET)).toMatchObject({ status: 200, serial: 1 });
    expect(instance.store.available).toBe(true);
  });
});
