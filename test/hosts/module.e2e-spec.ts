import { AsyncLocalStorage } from 'node:async_hooks';
import {
  Body,
  Controller,
  type DynamicModule,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  type INestApplication,
  type INestApplicationContext,
  Module,
  Post,
  SetMetadata,
  type Type,
} from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import {
  ApiBadRequestResponse,
  ApiExcludeController,
  ApiOkResponse,
  ApiProperty,
  DocumentBuilder,
  type OpenAPIObject,
  SwaggerModule,
} from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import {
  type AuthorityEvent,
  CellsAuthorityController,
  type CellsAuthorityExtras,
  CellsAuthorityModule,
  CellsAuthorityService,
  PUBLISHED_PATH,
  SDK_PATHS,
} from '../../src/cells-authority/index.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange } from '../support/http-exchange.js';
import { ownerOf } from '../support/owned-token.js';
import { adapterOf, hostAdapters, startHost } from './host-adapters.js';

const CLIENT = { clientId: 'application', clientSecret: 'secret-of-the-application' };
const OTHER = { clientId: 'other', clientSecret: 'secret-of-the-other' };
const TOKEN_REQUEST = {
  path: '/v4.0/cells/connect/token',
  headers: ['Content-Type', 'application/x-www-form-urlencoded'],
  body: `client_id=${CLIENT.clientId}&client_secret=${CLIENT.clientSecret}`,
};

let upstream: AsposeLimits;
let apps: { close(): Promise<void> }[];

beforeEach(async () => {
  apps = [];
  upstream = await AsposeLimits.start({
    clients: [CLIENT, OTHER].map(({ clientId, clientSecret }) => [clientId, clientSecret] as const),
  });
});

afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  await upstream.close();
});

function closedAfterwards<T extends { close(): Promise<void> }>(app: T): T {
  apps.push(app);
  return app;
}

async function contextOf(module: Type | DynamicModule): Promise<INestApplicationContext> {
  return closedAfterwards(await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false }));
}

describe('Options', () => {
  const start = (options: object) => contextOf(CellsAuthorityModule.forRoot(options));

  it.each<[string, object, string]>([
    ['unknown', { upstreamTokenURL: 'x' }, 'there is no option upstreamTokenURL'],
    ['of another type', { upstreamTimeoutMs: '8000' }, 'upstreamTimeoutMs must be an integer, 100..60000'],
    ['out of range', { upstreamMaxConnections: 0 }, 'upstreamMaxConnections must be an integer, 1..1024'],
    [
      'a URL secrets must not go to',
      { upstreamTokenUrl: 'http://example.com' },
      'upstreamTokenUrl must be an https:// URL, or http:// to a loopback address',
    ],
    ['none of the choices', { tokenCache: 'disk' }, 'tokenCache must be memory, redis or off'],
    [
      'credentials from variables that are not set',
      { credentials: { clientId: '', clientSecret: undefined } },
      'credentials.clientId is empty; is the environment variable set?; credentials.clientSecret is empty; is',
    ],
    ['credentials without a secret', { credentials: { clientId: 'a' } }, 'credentials.clientSecret must be'],
    ['unknown credentials', { credentials: { ...CLIENT, secret: 'x' } }, 'there is no option credentials.secret'],
    ['credentials of text', { credentials: 'a:b' }, 'credentials'],
    ['no observer', { observer: {} }, 'observer must be a function'],
    ['Redis without a secret', { tokenCache: 'redis' }, 'tokenCacheSecret must be 32 characters or more'],
    ['a flag of text', { controller: 'false' }, 'controller must be true or false'],
    ['another flag of text', { isGlobal: 1 }, 'isGlobal must be true or false'],
    ['an unknown path', { sdkPaths: ['oauth2/tokens'] }, 'sdkPaths must be true, false or a list of: v3.0/cells'],
    ['a path of text', { sdkPaths: 'oauth2/token' }, 'sdkPaths must be true, false or a list of: v3.0/cells'],
  ])('%s: the start fails with a message', async (_what, options, message) => {
    await expect(async () => start(options)).rejects.toThrow(message);
    await expect(async () => start(options)).rejects.toThrow('CellsAuthorityModule: ');
  });

  it('fail the start when a factory makes them, too, and quote no secret', async () => {
    const options = { credentials: { clientId: 'a', clientSecret: 'geheim\u0007' }, tokenCacheSecret: 'too short' };
    const starting = contextOf(CellsAuthorityModule.forRootAsync({ useFactory: () => Promise.resolve(options) }));

    await expect(starting).rejects.toThrow(/^(?!.*(?:geheim|too short)).*clientSecret.*$/);
  });

  it('fail the start when a factory forgets to return them', async () => {
    const useFactory = (): object => undefined as unknown as object;

    await expect(contextOf(CellsAuthorityModule.forRootAsync({ useFactory }))).rejects.toThrow(
      'CellsAuthorityModule: the options must be an object',
    );
  });

  it('may all be absent', async () => {
    expect((await contextOf(CellsAuthorityModule.forRoot({}))).get(CellsAuthorityService)).toBeDefined();
  });
});

describe('The module', () => {
  @Injectable()
  class Reports {
    constructor(readonly authority: CellsAuthorityService) {}
  }
  @Module({ providers: [Reports], exports: [Reports] })
  class ReportsModule {}

  it('is for the modules that import it, unless it is global', async () => {
    const options = { upstreamTokenUrl: upstream.tokenUrl, credentials: CLIENT };
    @Module({ imports: [CellsAuthorityModule.forRoot(options), ReportsModule] })
    class Local {}
    @Module({ imports: [CellsAuthorityModule.forRoot({ ...options, isGlobal: true }), ReportsModule] })
    class Global {}
    @Module({
      imports: [CellsAuthorityModule.forRootAsync({ isGlobal: true, useFactory: () => options }), ReportsModule],
    })
    class GlobalAsync {}

    await expect(contextOf(Local)).rejects.toThrow(/CellsAuthorityService/);
    for (const host of [Global, GlobalAsync]) {
      const token = await (await contextOf(host)).get(Reports).authority.getAccessToken();
      expect(ownerOf(token)).toMatchObject({ clientId: CLIENT.clientId });
    }
  });

  describe.each(hostAdapters)('on %s', (adapter) => {
    it.each(['forRoot', 'forRootAsync'] as const)('%s with controller: false serves nothing', async (method) => {
      const options = { upstreamTokenUrl: upstream.tokenUrl, credentials: CLIENT };
      const module =
        method === 'forRoot'
          ? CellsAuthorityModule.forRoot({ ...options, controller: false })
          : CellsAuthorityModule.forRootAsync({ controller: false, useFactory: () => options });
      const app = closedAfterwards(await startHost(adapter, [module]));

      expect((await exchange(await app.getUrl(), TOKEN_REQUEST)).status).toBe(404);
      expect(ownerOf(await app.get(CellsAuthorityService).getAccessToken()).clientId).toBe(CLIENT.clientId);
    });

    it('does not touch the bodies of other requests', async () => {
      @Controller('connect/tokens')
      class OwnController {
        @Post()
        echo(@Body() body: unknown): unknown {
          return body;
        }
      }
      @Module({ controllers: [OwnController] })
      class OwnModule {}
      const module = CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl });
      const app = closedAfterwards(await startHost(adapter, [module, { module: OwnModule }]));

      const request = { path: '/connect/tokens', headers: ['Content-Type', 'application/json'], body: '{"a":[1]}' };
      expect(JSON.parse((await exchange(await app.getUrl(), request)).body)).toEqual({ a: [1] });
    });

    it.each<[string, CellsAuthorityExtras['sdkPaths'], readonly string[]]>([
      ['none', undefined, []],
      ['all', true, SDK_PATHS],
      ['some', ['connect/token'], ['connect/token']],
    ])('serves the given SDK paths: %s', async (_which, sdkPaths, served) => {
      const module = CellsAuthorityModule.forRoot({
        upstreamTokenUrl: upstream.tokenUrl,
        ...(sdkPaths && { sdkPaths }),
      });
      const app = closedAfterwards(await startHost(adapter, [module]));
      const origin = await app.getUrl();
      const statuses = async (method: string) =>
        Object.fromEntries(
          await Promise.all(
            [PUBLISHED_PATH, ...SDK_PATHS].map(async (path) => [
              path,
              (await exchange(origin, { ...TOKEN_REQUEST, method, path: `/${path}` })).status,
            ]),
          ),
        ) as object;
      const expected = (status: number) =>
        Object.fromEntries([PUBLISHED_PATH, ...SDK_PATHS].map((path) => [path, served.includes(path) ? status : 404]));

      expect(await statuses('POST')).toEqual({ ...expected(200), [PUBLISHED_PATH]: 200 });
      expect(await statuses('TRACE')).toEqual({ ...expected(405), [PUBLISHED_PATH]: 405 });
      expect(await statuses('PUT')).toEqual({ ...expected(405), [PUBLISHED_PATH]: 405 });
    });

    it.each(['first', 'last'])("leaves the host's own token endpoint alone, imported %s", async (order) => {
      @Controller('oauth2')
      class OwnController {
        @Post('token')
        token(@Body() body: unknown): unknown {
          return { own: body };
        }
        @Get('token')
        describe(): unknown {
          return { own: 'description' };
        }
      }
      @Controller('auth')
      class OwnLogin {
        @Post('connect/token')
        token(@Body() body: unknown): unknown {
          return { own: body };
        }
      }
      @Module({ controllers: [OwnController, OwnLogin] })
      class OwnModule {}
      const module = CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl, sdkPaths: ['connect/token'] });
      const modules = order === 'first' ? [module, { module: OwnModule }] : [{ module: OwnModule }, module];
      const origin = await closedAfterwards(await startHost(adapter, modules)).getUrl();
      const send = { path: '/oauth2/token', headers: ['Content-Type', 'application/json'], body: '{"a":[1]}' };

      expect(JSON.parse((await exchange(origin, send)).body)).toEqual({ own: { a: [1] } });
      const login = await exchange(origin, { ...send, path: '/auth/connect/token' });
      expect(JSON.parse(login.body)).toEqual({ own: { a: [1] } });
      const described = await exchange(origin, { method: 'GET', path: '/oauth2/token' });
      expect(JSON.parse(described.body)).toEqual({ own: 'description' });
      expect((await exchange(origin, { ...send, method: 'TRACE' })).headers.allow).toBeUndefined();
      expect((await exchange(origin, TOKEN_REQUEST)).status).toBe(200);
    });

    it("passes the host's global guards with the host's own decorator, in this module alone", async () => {
      const Public = () => SetMetadata('public', true);
      const guard = {
        name: '',
        configure: (app: INestApplication) => {
          const reflector = app.get(Reflector);
          app.useGlobalGuards({
            canActivate: (context: ExecutionContext) =>
              reflector.getAllAndOverride<boolean | undefined>('public', [context.getHandler(), context.getClass()]) ??
              false,
          });
        },
      };
      const served = (decorators: ClassDecorator[]) =>
        CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl, sdkPaths: true, decorators });
      const open = await closedAfterwards(await startHost(adapter, [served([Public()])], guard)).getUrl();
      const closed = await closedAfterwards(await startHost(adapter, [served([])], guard)).getUrl();

      for (const path of [PUBLISHED_PATH, ...SDK_PATHS]) {
        expect((await exchange(open, { ...TOKEN_REQUEST, path: `/${path}` })).status).toBe(200);
        expect((await exchange(closed, { ...TOKEN_REQUEST, path: `/${path}` })).status).toBe(403);
      }
    });

    it('lets pages ask for tokens whose origin the host allows by CORS, and no others', async () => {
      const allowing = {
        name: '',
        configure: (app: INestApplication) => {
          app.enableCors({ origin: ['https://app.example.com'] });
        },
      };
      const module = () => CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl });
      const withCors = await closedAfterwards(await startHost(adapter, [module()], allowing)).getUrl();
      const without = await closedAfterwards(await startHost(adapter, [module()])).getUrl();
      const from = (page: string) => ({
        ...TOKEN_REQUEST,
        headers: [...TOKEN_REQUEST.headers, 'Origin', page, 'Sec-Fetch-Site', 'cross-site'],
      });

      expect((await exchange(withCors, from('https://app.example.com'))).status).toBe(200);
      expect((await exchange(withCors, from('https://evil.example'))).status).toBe(403);
      expect((await exchange(without, from('https://app.example.com'))).status).toBe(403);
    });

    it("keeps the host's AsyncLocalStorage, even if it has to wait for a body", async () => {
      const storage = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      const entering = {
        name: '',
        configure: (app: INestApplication) => {
          app.use((_request: unknown, _response: unknown, next: () => void) => {
            storage.run('of the request', next);
          });
        },
      };
      const module = CellsAuthorityModule.forRoot({
        upstreamTokenUrl: upstream.tokenUrl,
        observer: ({ type }) => {
          seen.push([type, storage.getStore()]);
        },
      });
      const app = closedAfterwards(await startHost(adapter, [module], entering));
      await exchange(await app.getUrl(), TOKEN_REQUEST);

      expect(seen).toEqual(
        ['upstream_request', 'token_served', 'token_request'].map((type) => [type, 'of the request']),
      );
    });

    it("is under the host's global guards, and can be let through", async () => {
      const guard = (mayPass: (context: ExecutionContext) => boolean) => ({
        name: '',
        configure: (app: INestApplication) => app.useGlobalGuards({ canActivate: mayPass }),
      });
      const module = () => CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl });
      const closed = closedAfterwards(
        await startHost(
          adapter,
          [module()],
          guard(() => false),
        ),
      );
      const letThrough = guard((context) => context.getClass() === CellsAuthorityController);
      const open = closedAfterwards(await startHost(adapter, [module()], letThrough));

      expect((await exchange(await closed.getUrl(), TOKEN_REQUEST)).status).toBe(403);
      expect((await exchange(await open.getUrl(), TOKEN_REQUEST)).status).toBe(200);
    });

    it("serves the operation in a host's own tests, too", async () => {
      const testing = await Test.createTestingModule({
        imports: [CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl })],
      }).compile();
      const app = closedAfterwards(testing.createNestApplication(adapterOf(adapter), { logger: false }));
      await app.listen(0, '127.0.0.1');

      const broken = { ...TOKEN_REQUEST, headers: ['Content-Type', 'application/json'], body: '{"client_id":"secr' };
      expect((await exchange(await app.getUrl(), TOKEN_REQUEST)).status).toBe(200);
      expect(JSON.parse((await exchange(await app.getUrl(), broken)).body)).toMatchObject({ error: 'invalid_request' });
    });
  });
});

describe('Two modules in one application', () => {
  it('share neither tokens nor options nor events', async () => {
    const elsewhere = closedAfterwards(
      await AsposeLimits.start({ clients: [[CLIENT.clientId, CLIENT.clientSecret]], expiresIn: 600 }),
    );
    const events: Record<string, AuthorityEvent['type'][]> = { cells: [], words: [] };
    const observer = (name: string) => (event: AuthorityEvent) => events[name]?.push(event.type);
    const cells = CellsAuthorityModule.forRoot({
      upstreamTokenUrl: upstream.tokenUrl,
      credentials: CLIENT,
      observer: observer('cells'),
    });
    const words = CellsAuthorityModule.forRootAsync({
      controller: false,
      useFactory: () => ({ upstreamTokenUrl: elsewhere.tokenUrl, credentials: CLIENT, observer: observer('words') }),
    });
    @Injectable()
    class CellsReports {
      constructor(readonly authority: CellsAuthorityService) {}
    }
    @Injectable()
    class WordsReports {
      constructor(readonly authority: CellsAuthorityService) {}
    }
    @Module({ imports: [cells], providers: [CellsReports] })
    class CellsModule {}
    @Module({ imports: [words], providers: [WordsReports] })
    class WordsModule {}
    const app = closedAfterwards(await startHost('Express', [{ module: CellsModule }, { module: WordsModule }]));
    const ofCells = app.get(CellsReports, { strict: false }).authority;
    const ofWords = app.get(WordsReports, { strict: false }).authority;

    const token = await ofCells.getAccessToken();
    expect(ofWords).not.toBe(ofCells);
    expect(await ofWords.postAccessToken(CLIENT)).toMatchObject({ expires_in: 600 });
    ofWords.invalidate(token);
    expect(await ofCells.getAccessToken()).toBe(token);
    expect((await exchange(await app.getUrl(), TOKEN_REQUEST)).status).toBe(200);

    expect([upstream.requestCount, elsewhere.requestCount]).toEqual([1, 1]);
    expect(events).toEqual({
      cells: ['upstream_request', 'token_served', 'token_served', 'token_served', 'token_request'],
      words: ['upstream_request', 'token_served'],
    });
  });

  it('are two even when their options are equal', async () => {
    const options = { upstreamTokenUrl: upstream.tokenUrl, credentials: CLIENT, controller: false };
    @Injectable()
    class One {
      constructor(readonly authority: CellsAuthorityService) {}
    }
    @Injectable()
    class Two {
      constructor(readonly authority: CellsAuthorityService) {}
    }
    @Module({ imports: [CellsAuthorityModule.forRoot(options)], providers: [One] })
    class OneModule {}
    @Module({ imports: [CellsAuthorityModule.forRoot(options)], providers: [Two] })
    class TwoModule {}
    @Module({ imports: [OneModule, TwoModule] })
    class Host {}
    const app = await contextOf(Host);

    await app.get(One, { strict: false }).authority.getAccessToken();
    await app.get(Two, { strict: false }).authority.getAccessToken();

    expect(upstream.requestCount).toBe(2);
  });

  it('are told apart by names of their own', async () => {
    @Module({
      imports: [
        CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl, credentials: OTHER, controller: false }),
      ],
      providers: [{ provide: 'OTHER_AUTHORITY', useExisting: CellsAuthorityService }],
      exports: ['OTHER_AUTHORITY'],
    })
    class OtherModule {}
    @Injectable()
    class Both {
      constructor(
        readonly authority: CellsAuthorityService,
        @Inject('OTHER_AUTHORITY') readonly other: CellsAuthorityService,
      ) {}
    }
    @Module({
      imports: [
        CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl, credentials: CLIENT }),
        OtherModule,
      ],
      providers: [Both],
    })
    class Host {}
    const { authority, other } = (await contextOf(Host)).get(Both);

    expect(ownerOf(await authority.getAccessToken()).clientId).toBe(CLIENT.clientId);
    expect(ownerOf(await other.getAccessToken()).clientId).toBe(OTHER.clientId);
  });

  it.each(hostAdapters)('cannot both serve the operation: the start fails with a message on %s', async (adapter) => {
    const serving = () => CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl });

    await expect(
      startHost(adapter, [serving(), serving()], { name: '', options: { abortOnError: false } }),
    ).rejects.toThrow(
      'CellsAuthorityModule: two modules of one application serve the operation; set controller: false on all but one',
    );
  });

  it('are one where the same import is made twice', async () => {
    const authority = CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl });
    @Module({ imports: [authority] })
    class Feature {}

    const app = closedAfterwards(await startHost('Express', [authority, { module: Feature }]));

    expect((await exchange(await app.getUrl(), TOKEN_REQUEST)).status).toBe(200);
  });
});

describe.each(hostAdapters)("The host's OpenAPI document on %s", (adapter) => {
  async function documentOf(options: CellsAuthorityExtras): Promise<OpenAPIObject> {
    const module = CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl, ...options });
    const prefixed = { name: '', configure: (app: INestApplication) => app.setGlobalPrefix('api') };
    const app = closedAfterwards(await startHost(adapter, [{ module: HostModule }, module], prefixed));
    return SwaggerModule.createDocument(app, new DocumentBuilder().setTitle('Host').build());
  }

  /** Names that any application may use. */
  class TokenResponse {
    @ApiProperty()
    ofTheHost!: string;
  }
  class ErrorResponse {
    @ApiProperty()
    ofTheHost!: string;
  }
  @Controller('own')
  class OwnController {
    @Get()
    @ApiOkResponse({ type: TokenResponse })
    @ApiBadRequestResponse({ type: ErrorResponse })
    get(): string {
      return 'host';
    }
  }
  @Module({ controllers: [OwnController] })
  class HostModule {}
  const HOST_SCHEMAS = { TokenResponse: expect.anything(), ErrorResponse: expect.anything() };

  it("has the operation and its schemas beside the host's, and refers to nothing that it does not have", async () => {
    const { paths, components } = await documentOf({});

    expect(Object.entries(paths).map(([path, operations]) => [path, Object.keys(operations)])).toEqual([
      ['/api/own', ['get']],
      ['/api/v4.0/cells/connect/token', ['post']],
    ]);
    const operation = paths['/api/v4.0/cells/connect/token']?.post;
    const schema = (name: string) => ({ schema: { $ref: `#/components/schemas/${name}` } });
    expect(operation).toMatchObject({
      operationId: 'PostAccessToken',
      tags: ['CellsAuthorityController'],
      requestBody: { content: { 'application/x-www-form-urlencoded': schema('PostAccessTokenRequest') } },
      responses: {
        200: { content: { 'application/json': schema('PostAccessTokenResponse') } },
        400: { content: { 'application/json': schema('PostAccessTokenError') } },
      },
    });
    expect(operation).not.toHaveProperty('security');
    expect(components?.schemas).toEqual({
      ...HOST_SCHEMAS,
      PostAccessTokenRequest: expect.anything(),
      PostAccessTokenResponse: expect.anything(),
      PostAccessTokenError: expect.anything(),
    });
    expect(components?.schemas?.TokenResponse).toHaveProperty('properties.ofTheHost');
    expect(components?.schemas?.ErrorResponse).toHaveProperty('properties.ofTheHost');
  });

  it('has nothing of it when the host excludes the controllers', async () => {
    const { paths, components } = await documentOf({ decorators: [ApiExcludeController()] });

    expect(Object.keys(paths)).toEqual(['/api/own']);
    expect(components?.schemas).toEqual(HOST_SCHEMAS);
    expect(Object.keys((await documentOf({})).paths)).toHaveLength(2);
  });

  it('has nothing of it with controller: false', async () => {
    const { paths, components } = await documentOf({ controller: false });

    expect(Object.keys(paths)).toEqual(['/api/own']);
    expect(components?.schemas).toEqual(HOST_SCHEMAS);
  });
});
