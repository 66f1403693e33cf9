import { createServer } from 'node:https';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { type AddressInfo } from 'node:net';
import { readEnvironment } from '../../src/config/environment.js';
import { type BuiltService, buildOnce, startBuiltService } from '../support/built-service.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { closedPort } from '../support/closed-port.js';
import { TestProxy } from '../support/forward-proxy.js';
import { exchange } from '../support/http-exchange.js';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { answerToken } from '../support/upstream-scripts.js';
import { caFile } from './resources.js';

const MIB = 1024 * 1024;
const authority = new CertificateAuthority();
const CA = caFile(authority.certificate);

const WRONG = 'wrong';

describe('A forward proxy', () => {
  let upstream: ScriptedServer;
  let service: BuiltService | undefined;
  let proxy: TestProxy;
  let client = 0;

  beforeAll(async () => {
    await buildOnce();
    upstream = await startScriptedServer(answerToken, { tls: authority.issue() });
  }, 150_000);
  afterAll(() => upstream.close());
  beforeEach(async () => {
    proxy = await TestProxy.start({ credentials: 'user@corp:p@ss:word' });
  });
  afterEach(async () => {
    await service?.stop();
    service = undefined;
    await proxy.close();
  });

  async function start(proxyUrl: string, env: Record<string, string> = {}): Promise<BuiltService> {
    service = await startBuiltService({
      env: {
        UPSTREAM_TOKEN_URL: upstream.tokenUrl,
        CELLS_API_URL: new URL(upstream.tokenUrl).origin,
        UPSTREAM_CA_FILE: CA,
        UPSTREAM_PROXY_URL: proxyUrl,
        ...env,
      },
    });
    return service;
  }

  const withCredentials = () => `http://user%40corp:p%40ss%3Aword@127.0.0.1:${proxy.port}`;

  async function statuses({ origin }: BuiltService): Promise<number[]> {
    client += 1;
    const path = `/connect/token?client_id=client-${client}&client_secret=the-secret`;
    const token = await exchange(origin, { path });
    const api = await exchange(origin, { method: 'GET', path: '/v4.0/cells/storage/disc' });
    return [token.status, api.status];
  }

  /** Lines are written together: all of them are there once it has stopped. */
  async function outcomes({ stop, output }: BuiltService): Promise<(string | undefined)[]> {
    await stop();
    return [...output().matchAll(/"event":"(?:upstream|gateway)_request".*?"outcome":"(\w+)"/g)].map(
      ([, outcome]) => outcome,
    );
  }

  it('passes tokens and the Cells API on, sees nothing of either, and is named at the start', async () => {
    const service = await start(withCredentials(), { HTTPS_PROXY: `http://127.0.0.1:${await closedPort()}` });

    expect(await statuses(service)).toEqual([200, 200]);
    expect(await statuses(service)).toEqual([200, 200]);

    const target = new URL(upstream.tokenUrl).host;
    expect(proxy.targets).toEqual([target, target]);
    expect(proxy.passed).not.toContain('the-secret');
    expect(proxy.passed.length).toBeGreaterThan(500);
    expect(service.output()).toContain(`"proxy":"http://127.0.0.1:${proxy.port}"}`);
    expect(service.output()).not.toMatch(/p@ss|p%40ss|corp/);
  });

  it('may have a certificate of a private authority', async () => {
    const secure = await TestProxy.start({ tls: authority.issue() });
    const url = `https://127.0.0.1:${secure.port}`;

    expect(await statuses(await start(`${url}?ca=${encodeURIComponent(CA)}`))).toEqual([200, 200]);
    await service?.stop();
    const distrusting = await start(url);
    expect(await statuses(distrusting)).toEqual([502, 502]);
    expect(await outcomes(distrusting)).toEqual(['proxy_unreachable', 'proxy_unreachable']);
    await secure.close();
  });

  it.each([
    ['wants other credentials', () => `http://user:${WRONG}@127.0.0.1:${proxy.port}`, 'proxy_auth', 502],
    ['does not connect', withCredentials, 'proxy_refused', 502],
    ['does not answer', withCredentials, 'connect_timeout', 504],
  ])('that %s is told of as such', async (what, url, outcome, status) => {
    if (what === 'does not connect') proxy.refuseWith = 503;
    proxy.silent = what === 'does not answer';
    const service = await start(url(), { UPSTREAM_CONNECT_TIMEOUT_MS: proxy.silent ? '300' : '8000' });

    expect(await statuses(service)).toEqual([status, status]);
    expect(await outcomes(service)).toEqual([outcome, outcome]);
    expect(upstream.requests.filter(({ body }) => body.includes('wrong'))).toEqual([]);
  });

  it('that cannot be reached is reported as such', async () => {
    const service = await start(`http://127.0.0.1:${await closedPort()}`);

    expect(await statuses(service)).toEqual([502, 502]);
    expect(await outcomes(service)).toEqual(['proxy_unreachable', 'proxy_unreachable']);
  });

  it('passes large files both ways, byte for byte', async () => {
    const file = Buffer.alloc(20 * MIB, 'cells authority ');
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    const api = createServer(authority.issue(), (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => response.end(Buffer.concat(chunks)));
    }).listen(0, '127.0.0.1');
    await once(api, 'listening');
    const { port } = api.address() as AddressInfo;
    const { origin } = await start(withCredentials(), { CELLS_API_URL: `https://127.0.0.1:${port}` });

    const response = await fetch(`${origin}/v4.0/cells/storage/file`, { method: 'PUT', body: file });

    expect(digest(Buffer.from(await response.arrayBuffer()))).toBe(digest(file));
    api.closeAllConnections();
    api.close();
  });

  it.each(['http', 'https'])('by %s that damages what comes back does not end the process', async (scheme) => {
    const damaging = await TestProxy.start(scheme === 'https' ? { tls: authority.issue() } : {});
    damaging.damaging = true;
    const service = await start(`${scheme}://127.0.0.1:${damaging.port}?ca=${encodeURIComponent(CA)}`);
    for (let nth = 0; nth < 5; nth += 1) {
      const path = '/v4.0/cells/storage/file';
      const sent = [1, 2].map(() => exchange(service.origin, { path, body: 'abc' }));
      expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([502, 502]);
    }
    damaging.damaging = false;

    expect(await statuses(service)).toEqual([200, 200]);
    await damaging.close();
  });

  it.each(['proxy:3128', 'socks5://proxy', 'http://proxy/path', 'http://proxy?cafile=x', 'http://%zz@proxy'])(
    'has a URL: %s is none, and is not quoted',
    (url) => {
      expect(() => readEnvironment({ UPSTREAM_PROXY_URL: url })).toThrow(
        /^UPSTREAM_PROXY_URL is not valid; allowed: http:\/\/\[user:password@\]host:port/,
      );
    },
  );
});
