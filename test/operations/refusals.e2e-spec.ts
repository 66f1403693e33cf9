import { Writable } from 'node:stream';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { pino } from 'pino';
import pretty from 'pino-pretty';
import { createApplication } from '../../src/app.setup.js';
import { readEnvironment } from '../../src/config/environment.js';
import { NestLogger } from '../../src/logging/nest-logger.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { rawRequest } from '../support/raw-client.js';

const CLIENT_ID = 'refused-client';
const CLIENT_SECRET = 'secret-of-the-refused-client';
const PUBLISHED = '/v4.0/cells/connect/token';
const FINGERPRINT = /^[\w-]{8}$/;
const FORGERY = 'x\n[00:00:00.000] FATAL: forged\u001b[2J\u001b[31m\r{"level":60,"event":"forged"}';

type Line = Readonly<Record<string, unknown>>;

let upstream: AsposeLimits;
let app: NestFastifyApplication;
let origin: string;
let port: number;
let written: string;
let prettified: string;

/** What a terminal would be shown, and what goes to a file. */
function bothOutputs(): pino.MultiStreamRes {
  const plain = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString();
      done();
    },
  });
  const shown = new Writable({
    write(chunk: Buffer, _encoding, done) {
      prettified += chunk.toString();
      done();
    },
  });
  return pino.multistream([{ stream: plain }, { stream: pretty({ colorize: false, destination: shown, sync: true }) }]);
}

function lines(event: string): Line[] {
  return written
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
    .filter((line) => line.event === event);
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(origin + path, { method: 'POST', ...init });
  await response.text();
  return response;
}

async function counted(labels: string): Promise<string | undefined> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  return text.split('\n').find((line) => line.startsWith(`cells_authority_requests_total{${labels}}`));
}

beforeAll(async () => {
  upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
});

afterAll(async () => {
  await upstream.close();
});

beforeEach(async () => {
  upstream.clear();
  written = '';
  prettified = '';
  const logger = new NestLogger(pino({ level: 'info' }, bothOutputs()));
  app = await createApplication(readEnvironment({ UPSTREAM_TOKEN_URL: upstream.tokenUrl }), logger);
  await app.listen(0, '127.0.0.1');
  origin = await app.getUrl();
  port = Number(new URL(origin).port);
});

afterEach(async () => {
  await app.close();
});

describe('A request that cannot even be read', () => {
  const unreadable: [string, number, string][] = [
    ['no HTTP at all', 400, `${CLIENT_SECRET} \r\n\r\n`],
    ['headers beyond 16 KiB', 431, `POST / HTTP/1.1\r\nHost: a\r\nX: ${CLIENT_SECRET.repeat(800)}\r\n\r\n`],
    ['a malformed URL', 400, `POST /%zz?${CLIENT_SECRET} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`],
  ];

  it.each(unreadable)('is counted, logged and given an id: %s', async (_case, status, bytes) => {
    const { text } = await rawRequest(port, bytes);

    const [, requestId] = /\r\nX-Request-Id: ([\w-]{8}-\d+)\r\n/i.exec(text) ?? [];
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(requestId).toBeDefined();
    expect(lines('request_refused')).toEqual([
      expect.objectContaining({
        requestId,
        path: 'other',
        credentialForm: 'none',
        outcome: 'client_error',
        status,
        msg: 'A request could not be read',
      }),
    ]);
    expect(await counted('path="other",credential_form="none",outcome="client_error"')).toMatch(/ 1$/);
    expect(written).not.toContain(CLIENT_SECRET);
  });

  it('is counted, logged and given an id: one that never ends', async () => {
    app.getHttpServer().headersTimeout = 100;

    const { text } = await rawRequest(port, 'POST / HTTP/1.1\r\nHost: a\r\n');

    expect(text).toMatch(/^HTTP\/1\.1 408 [^]*\r\nX-Request-Id: [\w-]{8}-\d+\r\n/);
    expect(lines('request_refused')).toEqual([expect.objectContaining({ path: 'other', status: 408 })]);
    expect(await counted('path="other",credential_form="none",outcome="client_error"')).toMatch(/ 1$/);
  });
});

describe('The lines of a refused client', () => {
  const wrong = { client_id: CLIENT_ID, client_secret: 'wrong' };
  const asked: [string, string, RequestInit][] = [
    ['query', `${PUBLISHED}?${new URLSearchParams(wrong).toString()}`, {}],
    ['form', PUBLISHED, { body: new URLSearchParams(wrong) }],
    ['json', PUBLISHED, { body: JSON.stringify(wrong), headers: { 'Content-Type': 'application/json' } }],
    ['basic', PUBLISHED, { headers: { Authorization: `Basic ${btoa(`${CLIENT_ID}:wrong`)}` } }],
    ['query', `${PUBLISHED}?client_id=${CLIENT_ID}`, {}],
  ];

  it('name it by the same fingerprint, however it came', async () => {
    for (const [, path, init] of asked) await ask(path, init);

    const refused = lines('request_refused');
    const clients = [...refused, ...lines('upstream_request'), ...lines('held'), ...lines('answered_from_hold')].map(
      ({ client }) => client,
    );
    expect(refused.map(({ credentialForm }) => credentialForm)).toEqual(asked.map(([form]) => form));
    expect(lines('answered_from_hold').length).toBeGreaterThan(0);
    expect(new Set(clients).size).toBe(1);
    expect(clients[0]).toMatch(FINGERPRINT);
    expect(written).not.toContain(CLIENT_ID);
  });

  it('name it when it is slowed', async () => {
    for (let i = 0; i < 10; i += 1) await ask(`${PUBLISHED}?client_id=${CLIENT_ID}-${i}&client_secret=wrong`);
    written = '';
    for (let i = 0; i < 100; i += 1) await ask(`${PUBLISHED}?client_id=other-${i}&client_secret=wrong`);

    const [slowed] = lines('guessing_slowed');
    const refused = lines('request_refused').find(({ status }) => status === 429);
    expect(slowed).toMatchObject({ scope: 'address', client: expect.stringMatching(FINGERPRINT) as string });
    expect(refused?.client).toBe(slowed?.client);
  });

  it('name nobody where nobody, or more than one, is named', async () => {
    await ask(PUBLISHED);
    await ask(`${PUBLISHED}?client_id=a&client_secret=b`, { headers: { Authorization: `Basic ${btoa('c:d')}` } });

    expect(lines('request_refused')).toHaveLength(2);
    expect(lines('request_refused').every((line) => !('client' in line))).toBe(true);
  });
});

describe('The log', () => {
  it('has no line that a caller wrote, neither as JSON nor on a terminal', async () => {
    const forged = encodeURIComponent(FORGERY);
    const credentials = { client_id: FORGERY, client_secret: FORGERY, grant_type: FORGERY, scope: FORGERY };
    await ask(`${PUBLISHED}?client_id=${forged}&client_secret=${forged}&${forged}=${forged}`);
    await ask(PUBLISHED, { body: new URLSearchParams(credentials) });
    await ask(PUBLISHED, { body: JSON.stringify(credentials), headers: { 'Content-Type': 'application/json' } });
    await ask(PUBLISHED, { headers: { Authorization: `Basic ${btoa(`${FORGERY}:${FORGERY}`)}` } });
    await ask(`/${forged}`);
    await ask(`${PUBLISHED}/${forged}`);
    const head = `X-Request-Id: \u001b[2Jforged\r\nUser-Agent: \u001b[31mforged\r\nConnection: close`;
    await rawRequest(port, `POST ${PUBLISHED} HTTP/1.1\r\nHost: \u001b[31mforged\r\n${head}\r\n\r\n`);
    await rawRequest(port, `POST /\u001b[2Jforged HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`);
    await rawRequest(port, `${FORGERY}\r\n\r\n`);

    expect(lines('request_refused').length).toBeGreaterThan(5);
    expect(prettified).toContain('request_refused');
    for (const output of [written, prettified]) {
      expect(output).not.toContain('forged');
      expect(output).not.toContain('\u001b');
    }
  });
});
