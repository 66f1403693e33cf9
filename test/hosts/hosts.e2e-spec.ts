import { type DynamicModule, Injectable, type INestApplication, Module } from '@nestjs/common';
import {
  CellsAuthorityModule,
  type CellsAuthorityOptions,
  type CellsAuthorityOptionsFactory,
} from '../../src/cells-authority/index.js';
import {
  AWKWARD_SECRET,
  badInput,
  type BadInputRow,
  CLIENT_ID,
  CLIENT_SECRET,
  FORM,
  INPUTS,
  JSON_TYPE,
  PUBLISHED,
} from '../contract/bad-input.table.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { dose } from '../support/dose.js';
import { exchange, type WireReply, type WireRequest } from '../support/http-exchange.js';
import { ownerOf } from '../support/owned-token.js';
import { hostAdapters, startHost } from './host-adapters.js';
import { hostSettings } from './host-settings.js';

/** Answers on other paths are up to the host. */
const UNKNOWN_PATHS = 17;
const BASIC = `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}`;
const IN_QUERY = `client_id=${CLIENT_ID}&client_secret=${CLIENT_SECRET}`;
const IN_FORM = `grant_type=client_credentials&${IN_QUERY}`;
const IN_JSON = JSON.stringify({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET });

const forms: readonly (WireRequest & { readonly form: string })[] = [
  { form: 'query', path: `${PUBLISHED}?${IN_QUERY}` },
  {
    form: 'query with the names of the docs',
    path: `${PUBLISHED}?Client%20ID=${CLIENT_ID}&ClientSecret=${CLIENT_SECRET}`,
  },
  {
    form: "query, as SDKs' own postAccessToken sends it",
    path: `${PUBLISHED}?${IN_QUERY}`,
    headers: ['Authorization', 'Bearer x', 'Content-Type', JSON_TYPE, 'Content-Length', '0'],
  },
  ...['', '; charset=UTF-8', '; charset=iso-8859-1', '; charset=utf-16', ';charset="x"'].map((parameter) => ({
    form: `form body${parameter}`,
    path: PUBLISHED,
    headers: ['Content-Type', FORM + parameter],
    body: IN_FORM,
  })),
  {
    form: 'chunked form',
    path: PUBLISHED,
    headers: ['Content-Type', FORM, 'Transfer-Encoding', 'chunked'],
    body: IN_FORM,
  },
  { form: 'JSON', path: PUBLISHED, headers: ['Content-Type', `${JSON_TYPE}; charset=utf-8`], body: IN_JSON },
  {
    form: 'JSON, chunked',
    path: PUBLISHED,
    headers: ['Content-Type', JSON_TYPE, 'Transfer-Encoding', 'chunked'],
    body: IN_JSON,
  },
  { form: 'Basic', path: PUBLISHED, headers: ['Authorization', BASIC] },
  {
    form: 'Basic with a form',
    path: PUBLISHED,
    headers: ['Authorization', BASIC, 'Content-Type', FORM],
    body: 'grant_type=client_credentials',
  },
  ...['/v3.0/cells/connect/token', '/connect/token', '/oauth2/token', '/v3.0/connect/token', '//connect/token'].map(
    (path) => ({ form: `form on ${path}`, path, headers: ['Content-Type', FORM], body: IN_FORM }),
  ),
];

/** The parts of an answer that a host must not change. */
function essence({ status, headers, body }: WireReply): object {
  const said = body === '' ? undefined : (JSON.parse(body) as Record<string, unknown>);
  return {
    status,
    type: headers['content-type'],
    cache: headers['cache-control'],
    pragma: headers.pragma,
    allow: headers.allow,
    error: said?.error,
    members: said === undefined ? [] : Object.keys(said).sort(),
  };
}

const JSON_ANSWER = { type: 'application/json', cache: 'no-store', pragma: 'no-cache' };
const TOKEN_ANSWER = {
  status: 200,
  ...JSON_ANSWER,
  members: ['access_token', 'expires_in', 'token_type'],
};

function expected({ status, error, send }: BadInputRow): object {
  if (error === undefined) return TOKEN_ANSWER;
  const members = send.method === 'HEAD' ? [] : ['error', 'error_description', 'message'];
  return {
    status,
    ...JSON_ANSWER,
    ...(status === 405 ? { allow: 'POST' } : {}),
    ...(send.method === 'HEAD' ? {} : { error }),
    members,
  };
}

type Register = (options: CellsAuthorityOptions) => DynamicModule;

const registrations: readonly { readonly registration: string; readonly register: Register }[] = [
  { registration: 'forRoot', register: (options) => CellsAuthorityModule.forRoot({ ...options, sdkPaths: true }) },
  {
    registration: 'forRootAsync with useFactory',
    register: (options) =>
      CellsAuthorityModule.forRootAsync({ sdkPaths: true, useFactory: () => Promise.resolve(options) }),
  },
  {
    registration: 'forRootAsync with useClass',
    register: (options) => {
      @Injectable()
      class Settings implements CellsAuthorityOptionsFactory {
        createCellsAuthorityOptions(): CellsAuthorityOptions {
          return options;
        }
      }
      return CellsAuthorityModule.forRootAsync({ sdkPaths: true, useClass: Settings });
    },
  },
  {
    registration: 'forRootAsync with useExisting',
    register: (options) => {
      @Injectable()
      class Settings implements CellsAuthorityOptionsFactory {
        createCellsAuthorityOptions(): CellsAuthorityOptions {
          return options;
        }
      }
      @Module({ providers: [Settings], exports: [Settings] })
      class SettingsModule {}
      return CellsAuthorityModule.forRootAsync({ sdkPaths: true, imports: [SettingsModule], useExisting: Settings });
    },
  },
];

const hosts = hostAdapters.flatMap((adapter) =>
  hostSettings.flatMap((setting) => {
    // Where the options come from does not depend on what the host does to its routes.
    const ways = setting.name === 'nothing' ? registrations : registrations.slice(0, dose(2, 1));
    return ways.map((way) => ({ adapter, setting, with: setting.name, ...way }));
  }),
);

describe.each(hosts)('$registration on $adapter with $with', ({ adapter, setting, register }) => {
  let upstream: AsposeLimits;
  let app: INestApplication;
  let origin: string;

  beforeAll(async () => {
    upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
    app = await startHost(adapter, [register({ upstreamTokenUrl: upstream.tokenUrl, tokenCache: 'off' })], setting);
    origin = await app.getUrl();
  });

  afterAll(async () => {
    await app.close();
    await upstream.close();
  });

  beforeEach(() => {
    upstream.clear();
    upstream.clients.set(CLIENT_ID, CLIENT_SECRET);
  });

  const send = (request: WireRequest): Promise<WireReply> =>
    exchange(origin, { ...request, path: `${setting.prefix ?? ''}${request.path}` });

  it('every credential form gets a token', async () => {
    const answers: object[] = [];
    for (const { form, ...request } of forms) {
      const reply = await send(request);
      answers.push({ form, ...essence(reply) });
      if (reply.status === 200) {
        const { access_token: token } = JSON.parse(reply.body) as { access_token: string };
        expect(ownerOf(token).clientId).toBe(CLIENT_ID);
      }
    }

    expect(answers).toEqual(forms.map(({ form }) => ({ form, ...TOKEN_ANSWER })));
    expect(upstream.requests.map(({ body }) => body)).toEqual(forms.map(() => IN_FORM));
  });

  it('every bad input is answered as by the service', async () => {
    const rows = badInput.filter(
      ({ row, send: { method } }) => row !== UNKNOWN_PATHS && !(setting.cors && method === 'OPTIONS'),
    );
    const answers: object[] = [];
    for (const { input, send: request, upstream: form } of rows) {
      upstream.clear();
      upstream.clients.set(CLIENT_ID, form?.client_secret ?? CLIENT_SECRET);
      const reply = await send(request);
      answers.push({
        input,
        ...essence(reply),
        upstream: upstream.requests.map(({ fields }) => Object.fromEntries(fields)),
        echoed: reply.status === 200 ? [] : INPUTS.filter((text) => reply.body.includes(text)),
      });
    }

    expect(answers).toEqual(
      rows.map((row) => ({
        input: row.input,
        ...expected(row),
        upstream: row.upstream === undefined ? [] : [row.upstream],
        echoed: [],
      })),
    );
  });

  it('a body over 16 KiB is refused, announced or not', async () => {
    const body = `client_id=${'x'.repeat(16 * 1024)}`;
    for (const framing of [[], ['Transfer-Encoding', 'chunked']]) {
      const reply = await send({ path: PUBLISHED, headers: ['Content-Type', FORM, ...framing], body });

      expect(essence(reply)).toMatchObject({ status: 413, ...JSON_ANSWER, error: 'invalid_request' });
    }
    expect(upstream.requests).toEqual([]);
  });

  it('exact values reach upstream in every form', async () => {
    upstream.clients.set(CLIENT_ID, AWKWARD_SECRET);
    const encoded = new URLSearchParams({ client_id: CLIENT_ID, client_secret: AWKWARD_SECRET }).toString();
    const json = JSON.stringify({ client_id: CLIENT_ID, client_secret: AWKWARD_SECRET });
    await send({ path: `${PUBLISHED}?${encoded}` });
    await send({ path: PUBLISHED, headers: ['Content-Type', FORM], body: encoded });
    await send({ path: PUBLISHED, headers: ['Content-Type', JSON_TYPE], body: json });

    const exact = { grant_type: 'client_credentials', client_id: CLIENT_ID, client_secret: AWKWARD_SECRET };
    expect(upstream.requests.map(({ fields }) => Object.fromEntries(fields))).toEqual([exact, exact, exact]);
  });
});
