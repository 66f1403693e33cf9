import { HttpModule, HttpService } from '@nestjs/axios';
import { type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { CellsAuthorityModule, CellsAuthorityService } from '../../src/cells-authority/index.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { closedAtTheEnd } from '../support/leftovers.js';
import { ownerOf } from '../support/owned-token.js';

const CLIENT = { clientId: 'application', clientSecret: 'secret-of-the-application' };

describe('The HttpService that the module sends token requests through', () => {
  let upstream: AsposeLimits;

  beforeAll(async () => {
    upstream = closedAtTheEnd(await AsposeLimits.start({ clients: [[CLIENT.clientId, CLIENT.clientSecret]] }));
  });

  const hostWith = (...imports: (typeof HttpModule)[]) =>
    Test.createTestingModule({
      imports: [
        CellsAuthorityModule.forRoot({ isGlobal: true, upstreamTokenUrl: upstream.tokenUrl, credentials: CLIENT }),
        ...imports,
      ],
    });
  const tokenOwner = async (app: INestApplicationContext) =>
    ownerOf(await app.get(CellsAuthorityService).getAccessToken());

  it('cannot be injected by a host', async () => {
    const app = closedAtTheEnd(await hostWith().compile());

    expect(() => app.get(HttpService, { strict: false })).toThrow(/HttpService/);
    expect(await tokenOwner(app)).toMatchObject({ clientId: CLIENT.clientId });
  });

  it('is not the one of a host that has its own', async () => {
    const app = closedAtTheEnd(await hostWith(HttpModule).compile());
    const own = app.select(HttpModule).get(HttpService, { strict: true });

    expect(app.get(HttpService, { strict: false })).toBe(own);
    own.axiosRef.interceptors.request.use(() => Promise.reject(new Error('the host blocks its own requests')));
    expect(await tokenOwner(app)).toMatchObject({ clientId: CLIENT.clientId });
  });

  it('stays when a host overrides its own in a test', async () => {
    const fake = { get: () => undefined };
    const app = closedAtTheEnd(await hostWith(HttpModule).overrideProvider(HttpService).useValue(fake).compile());

    expect(app.get(HttpService, { strict: false })).toBe(fake);
    expect(await tokenOwner(app)).toMatchObject({ clientId: CLIENT.clientId });
  });
});
