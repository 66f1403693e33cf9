import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, type LoggerService, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import axios from 'axios';
import {
  type CellsApiAuthorization,
  CellsAuthorityModule,
  CellsAuthorityService,
  getCellsAuthorityToken,
  InjectCellsApiAuthorization,
  InjectCellsAuthority,
  type OwnCredentials,
} from '../../src/cells-authority/index.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { CellsApi } from '../support/cells-api.js';
import { exchange } from '../support/http-exchange.js';
import { closedAtTheEnd } from '../support/leftovers.js';
import { ownerOf } from '../support/owned-token.js';
import { hostAdapters, startHost } from './host-adapters.js';

const CLIENTS = ['application', 'tenant', 'other'].map((clientId) => ({
  clientId,
  clientSecret: `secret-of-${clientId}`,
}));
const [APPLICATION, TENANT, OTHER] = CLIENTS as [OwnCredentials, OwnCredentials, OwnCredentials];

describe('Several modules in one application', () => {
  let upstream: AsposeLimits;
  let api: CellsApi;

  beforeAll(async () => {
    upstream = closedAtTheEnd(
      await AsposeLimits.start({
        clients: CLIENTS.map(({ clientId, clientSecret }) => [clientId, clientSecret] as const),
      }),
    );
    api = closedAtTheEnd(await CellsApi.start());
  });

  const optionsOf = (credentials: OwnCredentials | (() => OwnCredentials)) => ({
    upstreamTokenUrl: upstream.tokenUrl,
    credentials,
  });
  const ownerOfToken = async (authority: Pick<CellsAuthorityService, 'getAccessToken'>) =>
    ownerOf(await authority.getAccessToken()).clientId;

  @Injectable()
  class Tenants {
    constructor(
      readonly own: CellsAuthorityService,
      @InjectCellsAuthority('tenant') readonly tenant: CellsAuthorityService,
      @InjectCellsAuthority('other') readonly other: CellsAuthorityService,
      @InjectCellsApiAuthorization('tenant') readonly authorization: CellsApiAuthorization,
    ) {}
  }

  it.each(['forRoot', 'forRootAsync'] as const)('are told apart by their names (%s)', async (method) => {
    const named = (name: string, credentials: OwnCredentials) =>
      method === 'forRoot'
        ? CellsAuthorityModule.forRoot({ name, ...optionsOf(credentials) })
        : CellsAuthorityModule.forRootAsync({ name, useFactory: () => optionsOf(credentials) });
    // The unnamed one first: what has a name hides nothing.
    @Module({
      imports: [CellsAuthorityModule.forRoot(optionsOf(APPLICATION)), named('tenant', TENANT), named('other', OTHER)],
      providers: [Tenants],
    })
    class Host {}
    const app = closedAtTheEnd(await NestFactory.createApplicationContext(Host, { logger: false }));
    const { own, tenant, other, authorization } = app.get(Tenants);

    expect(await Promise.all([own, tenant, other].map(ownerOfToken))).toEqual(['application', 'tenant', 'other']);
    expect(app.get(getCellsAuthorityToken('tenant'))).toBe(tenant);
    const http = axios.create();
    authorization.attach(http, { origins: [api.origin] });
    await http.get(api.origin);
    expect(ownerOf(api.calls.at(-1)?.authorization?.replace('Bearer ', '') ?? '').clientId).toBe('tenant');
  });

  it.each(hostAdapters)('with a name serve no operation unless told to, on %s', async (adapter) => {
    const named = CellsAuthorityModule.forRoot({ name: 'tenant', ...optionsOf(TENANT) });
    const quiet = await startHost(adapter, [named]);
    const serving = await startHost(adapter, [
      named,
      CellsAuthorityModule.forRoot({ name: 'other', controller: true, ...optionsOf(OTHER) }),
    ]);
    const status = async (origin: string) =>
      (await exchange(origin, { path: '/v4.0/cells/connect/token', headers: [], body: '' })).status;

    expect(await status(await quiet.getUrl())).toBe(404);
    expect(await status(await serving.getUrl())).toBe(400);
  });

  it('can be one, whose credentials are those of the request that is being served', async () => {
    const tenantOfRequest = new AsyncLocalStorage<OwnCredentials>();
    const credentials = () => tenantOfRequest.getStore() ?? APPLICATION;
    const app = closedAtTheEnd(
      await NestFactory.createApplicationContext(CellsAuthorityModule.forRoot(optionsOf(credentials)), {
        logger: false,
      }),
    );
    const authority = app.get(CellsAuthorityService);

    const owners = await Promise.all([
      ownerOfToken(authority),
      tenantOfRequest.run(TENANT, () => ownerOfToken(authority)),
      tenantOfRequest.run(OTHER, () => ownerOfToken(authority)),
    ]);

    expect(owners).toEqual(['application', 'tenant', 'other']);
    const invalid = tenantOfRequest.run({ clientId: '', clientSecret: '' }, () => authority.getAccessToken());
    await expect(invalid).rejects.toMatchObject({ error: 'invalid_request', description: 'client_id is missing' });
  });

  it('say so when global ones hide each other, and not otherwise', async () => {
    const warn = jest.fn();
    const logger: LoggerService = { log: () => undefined, error: () => undefined, warn };
    const start = async (...names: (string | undefined)[]) => {
      warn.mockClear();
      const imports = names.map((name) =>
        CellsAuthorityModule.forRoot({ name, isGlobal: true, controller: false, ...optionsOf(APPLICATION) }),
      );
      @Module({ imports })
      class Host {}
      closedAtTheEnd(await NestFactory.createApplicationContext(Host, { logger }));
      return warn.mock.calls.map(([message]: unknown[]) => message);
    };

    expect(await start(undefined, undefined)).toEqual([
      '2 global CellsAuthorityModules hide each other: give all but one a name (forRoot({ name }))',
    ]);
    expect(await start(undefined, 'tenant', 'other')).toEqual([]);
  });

  it('are all overridden at once in tests', async () => {
    @Module({
      imports: [
        CellsAuthorityModule.forRoot(optionsOf(APPLICATION)),
        CellsAuthorityModule.forRoot({ name: 'tenant', ...optionsOf(TENANT) }),
        CellsAuthorityModule.forRoot({ name: 'other', ...optionsOf(OTHER) }),
      ],
      providers: [Tenants],
    })
    class Host {}
    const testing = await Test.createTestingModule({ imports: [Host] })
      .overrideProvider(CellsAuthorityService)
      .useValue({ getAccessToken: () => Promise.resolve('token-of-the-test') })
      .compile();
    const { own, tenant } = closedAtTheEnd(testing).get(Tenants);

    expect(await Promise.all([own.getAccessToken(), tenant.getAccessToken()])).toEqual(
      Array(2).fill('token-of-the-test'),
    );
  });

  it.each([['', 1, null]])('refuse a name that is none: %p', (name) => {
    expect(() => CellsAuthorityModule.forRoot({ name })).toThrow('CellsAuthorityModule: name must be a text');
  });
});
