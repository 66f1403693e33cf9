import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { CellsAuthorityService } from '../../src/cells-authority/index.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { CellsApi } from '../support/cells-api.js';
import { exchange } from '../support/http-exchange.js';
import { ownerOf } from '../support/owned-token.js';
import { createExpressHost, ExpressHostModule } from './express-host.js';
import { createFastifyHost, FastifyHostModule } from './fastify-host.js';
import { adapterOf } from './host-adapters.js';
import { type HostEnvironment } from './host-environment.js';

const CLIENT_ID = 'application';
const CLIENT_SECRET = 'secret-of-the-application';

describe.each([
  { host: 'Express', prefix: '/api', create: createExpressHost, module: ExpressHostModule },
  { host: 'Fastify', prefix: '', create: createFastifyHost, module: FastifyHostModule },
] as const)('The example host on $host', ({ host, prefix, create, module }) => {
  let upstream: AsposeLimits;
  let api: CellsApi;
  let environment: HostEnvironment;
  let app: INestApplication;

  beforeEach(async () => {
    upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
    api = await CellsApi.start();
    environment = {
      ASPOSE_CLIENT_ID: CLIENT_ID,
      ASPOSE_CLIENT_SECRET: CLIENT_SECRET,
      ASPOSE_TOKEN_URL: upstream.tokenUrl,
      ASPOSE_API: api.origin,
    };
  });

  afterEach(async () => {
    await app.close();
    await api.close();
    await upstream.close();
  });

  it('calls the Cells API with its own token, and serves tokens to others', async () => {
    app = await create(environment);
    await app.listen(0, '127.0.0.1');
    const origin = await app.getUrl();

    const worksheets = await exchange(origin, { method: 'GET', path: `${prefix}/workbooks/a%20b.xlsx/worksheets` });
    const served = await exchange(origin, {
      path: `${prefix}/v4.0/cells/connect/token`,
      headers: ['Content-Type', 'application/x-www-form-urlencoded'],
      body: `client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`,
    });

    expect(JSON.parse(worksheets.body)).toEqual({ sheets: ['Sheet1'] });
    expect(api.calls.map(({ path }) => path)).toEqual(['/v4.0/cells/a%20b.xlsx/worksheets']);
    const { access_token: token } = JSON.parse(served.body);
    expect(ownerOf(token).clientId).toBe(CLIENT_ID);
    expect(api.calls[0]?.authorization).toBe(`Bearer ${String(token)}`);
    expect(upstream.requestCount).toBe(1);
  });

  it("is tested without an authorization server by overriding the module's service", async () => {
    const getAccessToken = jest.fn(() => Promise.resolve('a-token-of-the-test'));
    const testing = await Test.createTestingModule({ imports: [module.with(environment)] })
      .overrideProvider(CellsAuthorityService)
      .useValue({ getAccessToken, invalidate: jest.fn() })
      .compile();
    app = testing.createNestApplication(adapterOf(host), { logger: false });
    await app.listen(0, '127.0.0.1');

    await exchange(await app.getUrl(), { method: 'GET', path: '/workbooks/book.xlsx/worksheets' });

    expect(api.calls.map(({ authorization }) => authorization)).toEqual(['Bearer a-token-of-the-test']);
    expect(upstream.requestCount).toBe(0);
  });
});
