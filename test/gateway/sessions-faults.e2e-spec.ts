import { settled } from '../faults/resources.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { RawUpstream, TestGateway, type UpstreamConnection } from './test-gateway.js';

const REFUSAL = 'HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno';
/** Its body never ends. */
const CUT_REFUSAL = 'HTTP/1.1 401 No\r\nContent-Length: 20\r\n\r\nno';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const UNTIL = { until: /\}$|ok$|no$/ };

const head = (method: string, ...headers: string[]) =>
  [`${method} /v3.0/cells/book.xlsx HTTP/1.1`, 'Host: g', 'Authorization: Bearer old', ...headers, '', ''].join('\r\n');
const GET = head('GET');

/** A promise, and what settles it. */
class Awaited<T> {
  resolve: (value: T) => void = () => undefined;
  readonly promise = new Promise<T>((resolve) => {
    this.resolve = resolve;
  });
}

let upstream: RawUpstream;
let gateway: TestGateway;
/** Whether a token has to replace the client's own before the request. */
let renewsAhead = false;
let asked: Awaited<void>;
let another: Awaited<string | undefined>;

beforeAll(async () => {
  upstream = await RawUpstream.start();
  const ask = () => {
    asked.resolve();
    return another.promise;
  };
  gateway = await TestGateway.start(
    upstream.origin,
    {},
    { token: () => (renewsAhead ? ask() : 'old'), isReplacement: () => false, tokenInsteadOf: ask },
  );
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => {
  upstream.clear();
  gateway.ended.length = 0;
  renewsAhead = false;
  asked = new Awaited();
  another = new Awaited();
  upstream.onRequest = refuseOld(REFUSAL);
});

/** Refuses the client's own token so, and accepts any other. */
const refuseOld =
  (refusal: string) =>
  ({ socket, received }: UpstreamConnection) => {
    socket.write(received.slice(received.lastIndexOf(' HTTP/1.1')).includes('Bearer old') ? refusal : OK);
  };

describe('While another token is fetched', () => {
  it.each([
    ['ahead of its request', true],
    ['after a refusal', false],
  ])('%s, a client that goes away ends it all', async (_when, ahead) => {
    renewsAhead = ahead;
    const client = new RawClient(gateway.port);
    client.send(GET);
    await asked.promise;
    client.socket.destroy();
    await settled(() => gateway.ended.length === 1);
    another.resolve('new');
    await another.promise;

    expect(gateway.ended).toMatchObject([{ outcome: 'client_gone' }]);
    expect(upstream.received).not.toContain('Bearer new');
    expect(gateway.gateway.numbers.inFlight).toBe(0);
  });

  it.each([
    ['ahead of its request', true],
    ['after a refusal', false],
  ])('%s, a stop is answered as every stop', async (_when, ahead) => {
    renewsAhead = ahead;
    const answer = rawRequest(gateway.port, GET, UNTIL);
    await asked.promise;
    gateway.gateway.endTransfers();
    another.resolve('new');

    expect((await answer).text).toMatch(/^HTTP\/1\.1 503 /);
    expect(upstream.received).not.toContain('Bearer new');
  });

  it('the refusal waits, and is passed on whole when there is none', async () => {
    const answer = rawRequest(gateway.port, GET, UNTIL);
    await asked.promise;
    another.resolve(undefined);

    expect((await answer).text).toMatch(/^HTTP\/1\.1 401 No\r\n[^]*\r\n\r\nno$/);
    expect(upstream.connections).toHaveLength(1);
  });

  it.each([
    ['none comes: the client sees that it broke', undefined, /^HTTP\/1\.1 502 [^]*connection_terminated/],
    ['one comes: the client notices nothing', 'new', /^HTTP\/1\.1 200 OK\r\n[^]*ok$/],
  ])('the connection of the refusal may break, and %s', async (_what, token, expected) => {
    upstream.onRequest = refuseOld(CUT_REFUSAL);
    const answer = rawRequest(gateway.port, GET, UNTIL);
    await asked.promise;
    await breakConnections();
    another.resolve(token);

    expect((await answer).text).toMatch(expected);
  });

  it('the body waits, and goes out whole with the other token', async () => {
    const client = new RawClient(gateway.port);
    const answered = client.next();
    upstream.onRequest = refuseOld(REFUSAL);
    client.send(head('PUT', 'Content-Length: 12') + 'abc');
    await asked.promise;
    client.send('def');
    await breakConnections();
    upstream.onRequest = () => undefined;
    another.resolve('new');
    await settled(() => upstream.connections.length === 2);
    client.send('ghijkl');
    await settled(() => upstream.connections[1]?.received.endsWith('\r\n\r\nabcdefghijkl') === true);
    upstream.connections[1]?.socket.write(OK);

    expect(await answered).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(upstream.connections[1]?.received).toContain('Bearer new');
    client.socket.destroy();
  });
});

describe('A repetition', () => {
  it('is not made for an incomplete body of unknown length', async () => {
    const answer = rawRequest(gateway.port, `${head('PUT', 'Transfer-Encoding: chunked')}3\r\nabc\r\n`, UNTIL);

    expect((await answer).text).toMatch(/^HTTP\/1\.1 401 No\r\n/);
    expect(upstream.received).not.toContain('Bearer new');
  });

  it('keeps the connection of a complete refusal, but not of one that does not end', async () => {
    another.resolve('new');
    expect((await rawRequest(gateway.port, GET, UNTIL)).text).toContain('200 OK');
    expect((await rawRequest(gateway.port, GET, UNTIL)).text).toContain('200 OK');
    const before = upstream.connections.length;
    expect(before).toBeLessThan(4);

    upstream.onRequest = refuseOld('HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n');
    expect((await rawRequest(gateway.port, GET, UNTIL)).text).toContain('200 OK');
    await settled(() => upstream.connections.some(({ socket }) => socket.closed));
  });
});

/** Breaks the connections to the API, and waits until the gateway has seen it. */
async function breakConnections(): Promise<void> {
  for (const { socket } of upstream.connections) socket.resetAndDestroy();
  await settled(() => gateway.gateway.numbers.connections === 0);
}
