import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { AWKWARD_SECRET, badInput, CLIENT_ID, CLIENT_SECRET } from '../contract/bad-input.table.js';
import { AsposeLimits } from '../support/aspose-limits.js';
import { type BuiltService, buildOnce, startBuiltService } from '../support/built-service.js';
import { exchange, type WireReply, type WireRequest } from '../support/http-exchange.js';
import { LeakScanner } from '../support/leak-scanner.js';
import { FAULTY_TOKEN } from '../support/raw-reply.js';
import {
  idleSocketFaults,
  relayedErrors,
  unkeptLifetimes,
  unreadableErrors,
  upstreamFaults,
} from '../support/upstream-faults.js';
import { caFile } from './resources.js';

const PATH = '/v4.0/cells/connect/token';
const FORM = 'application/x-www-form-urlencoded';
const SETTINGS = {
  LOG_LEVEL: 'trace',
  UPSTREAM_TIMEOUT_MS: '400',
  UPSTREAM_CONNECT_TIMEOUT_MS: '200',
  OTEL_LOG_LEVEL: 'debug',
};

const onTheWire = [
  ...upstreamFaults.filter(({ row }) => row >= 4),
  ...idleSocketFaults,
  ...unkeptLifetimes,
  ...relayedErrors,
  ...unreadableErrors,
];
const beforeHttp = upstreamFaults.filter(({ row }) => row < 4);

/** One address for all authorization servers of a test, because a process is configured with a single one. */
class Forwarder {
  target = 0;
  readonly #server: Server = createServer((near) => {
    const far = connect(this.target, '127.0.0.1');
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.resetAndDestroy());
    near.pipe(far);
    far.pipe(near);
  });

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/connect/token`;
  }

  forwardTo(tokenUrl: string): void {
    this.target = Number(new URL(tokenUrl).port);
  }

  close(): void {
    this.#server.close();
  }
}

/** A credential pair made for one request, awkward to escape, in each of the forms that requests can have. */
function credentialsFor(nth: number): { id: string; secret: string; forms: WireRequest[] } {
  const id = `leak client/${nth}`;
  const secret = `s3cr3t "${nth}" %+&=/\\ of a leak test`;
  const form = new URLSearchParams({ client_id: id, client_secret: secret }).toString();
  const basic = Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64');
  return {
    id,
    secret,
    forms: [
      { path: `${PATH}?${form}` },
      { path: '/connect/token', headers: ['Content-Type', FORM], body: form },
      { path: '/oauth2/token', headers: ['Authorization', `Basic ${basic}`] },
      {
        path: PATH,
        headers: ['Content-Type', 'application/json'],
        body: JSON.stringify({ client_id: id, client_secret: secret }),
      },
      { path: `/nowhere/${encodeURIComponent(secret)}?${form}`, headers: ['client_secret', secret] },
    ],
  };
}

describe('Leaks at LOG_LEVEL=trace, over all tables', () => {
  const scanner = new LeakScanner();
  let replies = 0;

  function addReply({ status, headers, body }: WireReply): void {
    replies += 1;
    scanner.add('headers', JSON.stringify(headers));
    // A good answer contains a token, as it must.
    if (status !== 200) scanner.add('replies', `${status} ${body}\n`);
    else if (body.startsWith('{"access_token"') && !body.includes(FAULTY_TOKEN)) {
      scanner.protect('issued token', String(JSON.parse(body).access_token));
    }
  }

  async function send(service: BuiltService, request: WireRequest): Promise<void> {
    await exchange(service.origin, request).then(addReply);
  }

  async function sendInEachForm(service: BuiltService, nth: number): Promise<void> {
    const { id, secret, forms } = credentialsFor(nth);
    scanner.protectCredentials(`secret ${nth}`, id, secret);
    for (const request of forms) await send(service, request);
  }

  async function end(service: BuiltService): Promise<void> {
    for (const path of ['/metrics', '/health/ready', '/health/live', '/cells/openapi.json']) {
      scanner.add(path, (await exchange(service.origin, { method: 'GET', path })).body);
    }
    await service.stop();
    scanner.add('output', service.output());
  }

  beforeAll(async () => {
    await buildOnce();
    scanner.protect('faulty token', FAULTY_TOKEN);
    scanner.protectCredentials('secret of the bad input table', CLIENT_ID, CLIENT_SECRET);
    scanner.protectCredentials('awkward secret of the bad input table', CLIENT_ID, AWKWARD_SECRET);
  }, 120_000);

  it('bad input', async () => {
    const upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
    const service = await startBuiltService({ env: { ...SETTINGS, UPSTREAM_TOKEN_URL: upstream.tokenUrl } });
    for (const { send: request, upstream: form } of badInput) {
      upstream.clients.set(CLIENT_ID, form?.client_secret ?? CLIENT_SECRET);
      await send(service, request);
    }
    await end(service);
    await upstream.close();
  }, 60_000);

  it('upstream faults on the wire', async () => {
    const forwarder = new Forwarder();
    const well = await AsposeLimits.start({ clients: [['well-client', 'well-client-secret']], record: false });
    const tokenUrl = await forwarder.start();
    const service = await startBuiltService({ env: { ...SETTINGS, UPSTREAM_TOKEN_URL: tokenUrl } });
    for (const [nth, fault] of onTheWire.entries()) {
      const upstream = await fault.start();
      forwarder.forwardTo(upstream.tokenUrl);
      await sendInEachForm(service, nth);
      await upstream.close();
      // Keeps the circuit closed, so that every fault is reached.
      forwarder.forwardTo(well.tokenUrl);
      await send(service, {
        path: `${PATH}?client_id=well-client&client_secret=well-client-secret`,
        headers: ['Cache-Control', 'no-cache'],
      });
    }
    await end(service);
    forwarder.close();
    await well.close();
  }, 120_000);

  it('upstream faults before HTTP', async () => {
    for (const [nth, fault] of beforeHttp.entries()) {
      const upstream = await fault.start();
      const ca: Record<string, string> = upstream.ca === undefined ? {} : { UPSTREAM_CA_FILE: caFile(upstream.ca) };
      const service = await startBuiltService({ env: { ...SETTINGS, ...ca, UPSTREAM_TOKEN_URL: upstream.tokenUrl } });
      await sendInEachForm(service, 1000 + nth);
      await end(service);
      await upstream.close();
    }
  }, 120_000);

  it('none, in all that came out', () => {
    expect(replies).toBeGreaterThan(300);
    expect(scanner.bytes).toBeGreaterThan(100_000);
    expect(scanner.leaks()).toEqual([]);
  });

  it('one, if there were one', () => {
    const { id, secret } = credentialsFor(3);
    scanner.add('planted', JSON.stringify({ authorization: Buffer.from(`${id}:${secret}`).toString('base64') }));
    expect(scanner.leaks().length).toBeGreaterThan(0);
  });
});
