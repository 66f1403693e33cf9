import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { type Express } from 'express';
import { CellsAuthorityModule } from '../../src/cells-authority/index.js';
import { CLIENT_ID, CLIENT_SECRET, FORM, JSON_TYPE, PUBLISHED } from '../contract/bad-input.table.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange, type WireReply } from '../support/http-exchange.js';
import { hostAdapters, startHost } from './host-adapters.js';

/** Request targets (RFC 9112 §3.2) that a router takes for the published path. */
const SPELLINGS: Readonly<Record<string, string>> = {
  'absolute form': `http://example.com${PUBLISHED}`,
  'absolute form with a port, in upper case': `HTTP://EXAMPLE.COM:8080${PUBLISHED}`,
  'absolute form with two slashes': `http://example.com/${PUBLISHED}`,
  'absolute form with a query': `http://example.com${PUBLISHED}?x=1`,
  'a fragment': `${PUBLISHED}#x`,
  'a fragment with a query in it': `${PUBLISHED}#?x=1`,
  'two slashes in the middle': PUBLISHED.replace('/connect', '//connect'),
};
const ON_EXPRESS: Readonly<Record<string, string>> = {
  'other letter case': PUBLISHED.toUpperCase(),
  'a slash at the end': `${PUBLISHED}/`,
  'a slash at the end, before a query': `${PUBLISHED}/?x=1`,
};

const BROKEN_JSON = `{"client_id":"${CLIENT_ID}","client_secret":"${CLIENT_SECRET}`;
const TOO_LARGE = `client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}&pad=${'x'.repeat(60_000)}`;

let upstream: AsposeLimits;

beforeAll(async () => {
  upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
});
afterAll(() => upstream.close());

/** The answer to a token request that only the module has read. */
async function expectReadByModule(origin: string, path: string): Promise<void> {
  const post = (type: string, body: string): Promise<WireReply> =>
    exchange(origin, { path, headers: ['Content-Type', type], body });
  const good = await post(FORM, `client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`);
  const broken = await post(JSON_TYPE, BROKEN_JSON);
  const tooLarge = await post(FORM, TOO_LARGE);

  expect(good.status).toBe(200);
  expect(broken.body).not.toContain(CLIENT_SECRET.slice(0, 5));
  expect([broken.status, JSON.parse(broken.body)]).toMatchObject([400, { error: 'invalid_request' }]);
  expect([tooLarge.status, JSON.parse(tooLarge.body)]).toMatchObject([413, { error: 'invalid_request' }]);
}

describe.each(hostAdapters)('Bodies of token requests are read by the module alone on %s, with', (adapter) => {
  let app: INestApplication;

  beforeAll(async () => {
    app = await startHost(adapter, [CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl })]);
  });
  afterAll(() => app.close());

  const spellings = adapter === 'Express' ? { ...SPELLINGS, ...ON_EXPRESS } : SPELLINGS;
  it.each(Object.entries(spellings))('%s', async (_spelling, path) => {
    await expectReadByModule(await app.getUrl(), path);
  });
});

describe('A Nest application that is mounted in an application on Express', () => {
  it('reads the bodies of token requests itself, whatever form the request target has', async () => {
    const outer = new ExpressAdapter().getInstance<Express>();
    const inner = new ExpressAdapter();
    const app = await NestFactory.create(CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl }), inner, {
      logger: false,
    });
    await app.init();
    outer.use('/tenants', inner.getInstance<Express>());
    const server = createServer(outer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      for (const path of [`/tenants${PUBLISHED}`, `http://example.com/tenants${PUBLISHED}`]) {
        await expectReadByModule(origin, path);
      }
    } finally {
      server.close();
      await app.close();
    }
  });
});
