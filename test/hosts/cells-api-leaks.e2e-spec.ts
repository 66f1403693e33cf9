import { Agent, type ServerResponse } from 'node:http';
import { Agent as HttpsAgent, createServer as createTlsServer } from 'node:https';
import { type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import axios, { type AxiosInstance, type AxiosRequestConfig } from 'axios';
import { pino } from 'pino';
import { CellsApiAuthorization, CellsAuthorityModule, CellsAuthorityService } from '../../src/cells-authority/index.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { CellsApi, type CellsApiCall } from '../support/cells-api.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { closedPort } from '../support/closed-port.js';
import { dose } from '../support/dose.js';
import { LeakScanner } from '../support/leak-scanner.js';
import { reachableText } from '../support/reachable-text.js';

const ADAPTERS = dose<readonly ('http' | 'fetch')[]>(['http', 'fetch'], ['http']);
const CLIENT = { clientId: 'application', clientSecret: 'secret-of-the-application' };

type Answer = (response: ServerResponse, call: CellsApiCall) => void;

/** Everything that the caller can see of a call: response or error, the outcome of its stream, arguments of hooks. */
type Scenario = (http: AxiosInstance) => Promise<unknown[]>;

const status =
  (code: number): Answer =>
  (response) => {
    response.writeHead(code, { 'Content-Type': 'application/json' }).end('{"Message":"as asked"}');
  };

/** From everywhere but `/last`. */
const redirect =
  (location: (path: string) => string, last: Answer = status(200)): Answer =>
  (response, call) => {
    if (call.path === '/last') last(response, call);
    else response.writeHead(307, { Location: location(call.path) }).end();
  };

const silence: Answer = () => undefined;

const lost: Answer = (response) => {
  response.destroy();
};

const neverEnding: Answer = (response) => {
  response.writeHead(200).write('a piece');
};

const cut: Answer = (response) => {
  response.writeHead(200, { 'Content-Length': '100' }).write('a piece', () => response.destroy());
};

const outcome = (call: Promise<unknown>) => call.catch((reason: unknown) => reason);

const get =
  (config: AxiosRequestConfig = {}): Scenario =>
  async (http) => [await outcome(http.get('/', config))];

const post =
  (config: AxiosRequestConfig = {}): Scenario =>
  async (http) => [await outcome(http.post('/', 'a body', config))];

const read =
  (config: AxiosRequestConfig = {}): Scenario =>
  async (http) => {
    const response = await http.get<Readable>('/', { responseType: 'stream', ...config });
    return [response, await outcome(text(response.data))];
  };

const scenarios: [name: string, answer: Answer, scenario: Scenario][] = [
  ['200', status(200), get()],
  ['200 to a POST', status(200), post()],
  ['401', status(401), get()],
  ['401 that is no error', status(401), get({ validateStatus: () => true })],
  ['500', status(500), get()],
  ['500 to a POST', status(500), post({ maxRedirects: 0 })],
  [
    'an answer that is no JSON',
    (response) => response.writeHead(200).end('{'),
    get({ responseType: 'json', transitional: { silentJSONParsing: false } }),
  ],
  ['an answer beyond the limit', status(200), get({ maxContentLength: 1 })],
  ['a lost connection', lost, get()],
  ['a lost connection, without redirects', lost, post({ maxRedirects: 0 })],
  ['a connection lost in the body', cut, get()],
  ['a timeout', silence, get({ timeout: 50 })],
  ['a timeout in the body', neverEnding, get({ timeout: 200 })],
  ['a redirect', redirect(() => '/last'), get()],
  ['a redirect of a POST to 500', redirect(() => '/last', status(500)), post()],
  ['a redirect to a lost connection', redirect(() => '/last', lost), get()],
  ['redirects without end', redirect((path) => `${path}x`), get({ maxRedirects: 2 })],
  ['a stream that is still coming', neverEnding, get({ responseType: 'stream' })],
  ['a stream with a limit', neverEnding, get({ responseType: 'stream', maxContentLength: 1_000 })],
  ['a stream with a 401', status(401), get({ responseType: 'stream' })],
  ['a stream with a 500', status(500), get({ responseType: 'stream' })],
  ['a stream behind a redirect', redirect(() => '/last', neverEnding), get({ responseType: 'stream' })],
  ['a stream read to its end', status(200), read()],
  ['a stream that is cut', cut, read()],
  ['a stream beyond the limit', neverEnding, read({ maxContentLength: 1 })],
  [
    'a stream that the signal ends',
    neverEnding,
    async (http) => {
      const controller = new AbortController();
      const { signal } = controller;
      const response = await http.get<Readable>('/', { responseType: 'stream', signal });
      const reading = outcome(text(response.data));
      controller.abort();
      return [response, await reading];
    },
  ],
  [
    'an upload that fails',
    silence,
    async (http) => {
      const body = new PassThrough();
      body.write('a piece');
      setImmediate(() => body.destroy(new Error('the file cannot be read')));
      return [await outcome(http.post('/', body, { maxRedirects: 0 }))];
    },
  ],
];

let upstream: AsposeLimits;
let api: CellsApi;
let app: INestApplicationContext;

beforeAll(async () => {
  upstream = await AsposeLimits.start({ clients: [[CLIENT.clientId, CLIENT.clientSecret]] });
  const authority = CellsAuthorityModule.forRoot({ upstreamTokenUrl: upstream.tokenUrl, credentials: CLIENT });
  @Module({ imports: [authority] })
  class Host {}
  app = await NestFactory.createApplicationContext(Host, { logger: false });
});

afterAll(async () => {
  await app.close();
  await upstream.close();
});

beforeEach(async () => {
  api = await CellsApi.start();
});

afterEach(() => api.close());

function attached(config: AxiosRequestConfig): AxiosInstance {
  const http = axios.create({ baseURL: api.origin, ...config });
  app.get(CellsApiAuthorization).attach(http, { origins: [new URL(http.defaults.baseURL ?? '').origin] });
  return http;
}

function answering(answer: Answer): void {
  api.answer = (call, response) => {
    answer(response, call);
    return true;
  };
}

/** Runs the scenario and looks for the tokens that were in use. */
async function expectNoToken(scenario: () => Promise<unknown[]>): Promise<void> {
  const tokens = [await app.get(CellsAuthorityService).getAccessToken()];
  const shown = await scenario();
  tokens.push(await app.get(CellsAuthorityService).getAccessToken());

  // Searches reachable objects first, because printing live sockets in full would take minutes.
  const reachable = scannerFor(tokens);
  for (const value of shown) reachable.add('reachable', reachableText(value));
  expect(reachable.leaks()).toEqual([]);

  const printed = scannerFor(tokens);
  for (const value of shown) for (const [form, output] of printedForms(value)) printed.add(form, output);
  expect(printed.leaks()).toEqual([]);
}

function scannerFor(tokens: string[]): LeakScanner {
  const scanner = new LeakScanner();
  for (const token of tokens) scanner.protect('token', token);
  return scanner;
}

function printedForms(value: unknown): [form: string, output: string][] {
  const lines: string[] = [];
  const log = pino({}, { write: (line) => lines.push(line) });
  log.error(value);
  log.error({ err: value }, 'as the error');
  log.error({ response: value }, 'as any other value');
  return [
    ['inspect', inspect(value, { depth: Infinity, showHidden: true, maxArrayLength: null, maxStringLength: null })],
    ['string', String(value)],
    ['JSON', JSON.stringify(value)],
    ['JSON of its members', JSON.stringify({ ...Object(value) })],
    ['pino', lines.join('')],
  ];
}

describe.each(ADAPTERS)('The token shows in nothing the %s adapter hands out:', (adapter) => {
  it.each(scenarios)('%s', async (_name, answer, scenario) => {
    answering(answer);

    await expectNoToken(() => scenario(attached({ adapter })));
  });

  it('a request that the signal ends', async () => {
    const controller = new AbortController();
    answering(() => {
      controller.abort();
    });

    await expectNoToken(() => get({ signal: controller.signal })(attached({ adapter })));
  });

  it('a server that is not there', async () => {
    const baseURL = `http://127.0.0.1:${await closedPort()}`;

    await expectNoToken(() => get()(attached({ adapter, baseURL })));
  });
});

describe('The token shows', () => {
  it('in no agent of the caller while its sockets are busy', async () => {
    const httpAgent = new Agent({ keepAlive: true, maxSockets: 1 });
    answering(neverEnding);

    await expectNoToken(() => get({ responseType: 'stream' })(attached({ httpAgent })));

    expect(Object.keys(httpAgent.sockets)).toHaveLength(1);
    httpAgent.destroy();
  });

  it('in no agent of the caller that keeps TLS connections', async () => {
    const server = createTlsServer(new CertificateAuthority().issue(), (_request, response) => response.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const httpsAgent = new HttpsAgent({ keepAlive: true, rejectUnauthorized: false });
    const baseURL = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;

    await expectNoToken(() => get()(attached({ httpsAgent, baseURL })));

    expect(Object.keys(httpsAgent.freeSockets)).toHaveLength(1);
    httpsAgent.destroy();
    server.close();
    await once(server, 'close');
  });

  it('in nothing that beforeRedirect is given, which still decides what is sent', async () => {
    answering(redirect(() => '/last'));
    const shown: unknown[] = [];
    const beforeRedirect = (next: Record<string, unknown>, ...others: unknown[]) => {
      shown.push(next, ...others);
      next.headers = { ...(next.headers as object), 'X-Hop': 'second' };
    };

    await expectNoToken(async () => [...(await get({ beforeRedirect })(attached({}))), ...shown]);

    expect(shown).toHaveLength(3);
    expect(api.calls.map(({ authorization }) => authorization)).toEqual([
      expect.stringMatching(/^Bearer /),
      api.calls[0]?.authorization,
    ]);
  });
});
