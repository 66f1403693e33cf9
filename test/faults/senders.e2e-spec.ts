import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange } from '../support/http-exchange.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { type RunningService, startService } from '../support/service.js';
import { KeepAliveClient } from './load.js';
import { settled } from './resources.js';

const PATH = '/v4.0/cells/connect/token';
const MARKER = 'sender-secret-0123456789';
const HEAD = `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
const CLOSED_WITHIN_MS = 12_000;
/** As many as Node's accept queue holds, so that none is refused. */
const SLOW_CONNECTIONS = 500;

let upstream: AsposeLimits;
let service: RunningService;
let port: number;

beforeAll(async () => {
  upstream = await AsposeLimits.start({ clients: [['sender', MARKER]] });
  service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, TRUST_PROXY: '192.0.2.0/24' });
  port = Number(new URL(service.origin).port);
});
afterAll(async () => {
  await service.close();
  await upstream.close();
});

function expectOAuth(text: string, status: number): void {
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4));
  expect(body).toEqual({
    error: 'invalid_request',
    error_description: expect.any(String),
    message: body.error_description,
  });
  expect(text).toMatch(/\r\nCache-Control: no-store\r\n/i);
  expect(text).not.toContain(MARKER);
}

describe('15: sizes', () => {
  const filler = (length: number) => `client_secret=${MARKER}&x=`.padEnd(length, 'x');

  it.each([
    ['a length over 16 KiB', `${HEAD}Content-Length: 16385\r\n\r\n${filler(16_385)}`, 413],
    ['chunks over 16 KiB', `${HEAD}Transfer-Encoding: chunked\r\n\r\n4001\r\n${filler(16_385)}\r\n0\r\n\r\n`, 413],
    ['a URL over 16 KiB', `POST ${PATH}?${filler(17_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['headers over 16 KiB', `${HEAD}X-Filler: ${filler(17_000)}\r\n\r\n`, 431],
    ['many headers over 16 KiB', `${HEAD}${'X-F: aaaaaaaaaaaaaaaa\r\n'.repeat(900)}\r\n`, 431],
  ])('%s get %#', async (_, bytes, status) => {
    const { text, ending } = await rawRequest(port, bytes);
    expectOAuth(text, status);
    expect(ending).not.toBe('open');
    expect(upstream.requests).toEqual([]);
  });

  it('a body of 16 KiB is read', async () => {
    const body = `client_id=nobody&client_secret=x&pad=`.padEnd(16_384, 'x');
    const { text } = await rawRequest(
      port,
      `${HEAD}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(text).toContain('invalid_client');
    upstream.clear();
  });
});

describe('Lengths and hosts that contradict each other', () => {
  it.each([
    ['a length and chunks', `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two lengths', `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456`],
    ['a negative length', `${HEAD}Content-Length: -1\r\n\r\n`],
    ['a length that is no number', `${HEAD}Content-Length: 1e3\r\n\r\n`],
    ['a chunk size that is no number', `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n${MARKER}\r\n`],
    ['chunks that are not the last coding', `${HEAD}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`],
    ['a coding before the chunks', `${HEAD}Transfer-Encoding: foo, chunked\r\n\r\n0\r\n\r\n`],
    ['chunks twice', `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two hosts', `${HEAD}host: b\r\nContent-Length: 5\r\n\r\n12345`],
    ['two hosts, 1,100 fields apart', `${HEAD}${'a:\r\n'.repeat(1100)}Host: b\r\nContent-Length: 5\r\n\r\n12345`],
    [
      'a coding before the chunks, after 1,100 fields',
      `${HEAD}${'a:\r\n'.repeat(1100)}Transfer-Encoding: foo, chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['no host', `POST ${PATH} HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345`],
    ['a line folded into the next', `${HEAD}Content-Length:\r\n 5\r\nX: y\r\n z\r\n\r\n12345`],
  ])('%s: 400, and nothing after it is read as a request', async (_, bytes) => {
    const smuggled = `POST ${PATH}?client_id=sender&client_secret=${MARKER} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const { text, ending } = await rawRequest(port, bytes + smuggled);
    expectOAuth(text, 400);
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(ending).not.toBe('open');
    expect(upstream.requests).toEqual([]);
  });
});

describe('18: senders without end', () => {
  const senders = [
    { what: 'headers that never end', start: HEAD, piece: 'X: y\r\n' },
    { what: 'headers a byte at a time', start: `${HEAD}X: `, piece: 'x' },
    { what: 'a body that never ends', start: `${HEAD}Content-Length: 16000\r\n\r\n`, piece: 'x' },
    { what: 'chunks that never end', start: `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, piece: '1\r\nx\r\n' },
    { what: 'nothing at all', start: '', piece: '' },
  ];

  const delays = monitorEventLoopDelay({ resolution: 20 });
  beforeAll(() => delays.enable());
  afterAll(() => delays.disable());

  /** The contract's bound. Times when the machine did not let this process run do not count. */
  const closedWithinMs = () => CLOSED_WITHIN_MS + 2 * (delays.max / 1e6);

  it(`${senders.map(({ what }) => what).join(', ')}: closed within 12 s, and up to then ${SLOW_CONNECTIONS} of them hold nobody up`, async () => {
    const outcomes = Promise.all(
      senders.map(async ({ what, start, piece }) => {
        const client = new RawClient(port);
        const started = performance.now();
        client.send(start);
        const timer = setInterval(() => {
          if (client.socket.writable && piece !== '') client.send(piece);
        }, 500);
        const { ending } = await client.ended();
        clearInterval(timer);
        return { what, closed: ending !== 'open', inTime: performance.now() - started < closedWithinMs() };
      }),
    );
    const client = new KeepAliveClient();
    const slow: Socket[] = [];
    let gone = 0;
    const closed = Array.from({ length: SLOW_CONNECTIONS }, async () => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      socket.write(HEAD);
      slow.push(socket.resume());
      await once(socket, 'connect');
      const started = performance.now();
      // With an error or without one.
      await new Promise((resolve) => socket.once('close', resolve));
      gone += 1;
      return performance.now() - started;
    });
    const byteASecond = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write('x');
    }, 1000);
    await settled(() => slow.every(({ connecting }) => !connecting));
    const statuses: number[] = [];
    while (statuses.length < 100 && gone === 0) {
      const { status } = await client.post(service.origin, PATH, `client_id=sender&client_secret=${MARKER}`);
      statuses.push(status);
    }
    const openMs = await Promise.all(closed);
    clearInterval(byteASecond);

    // A request that had to wait for a slow one would have waited until that was closed.
    expect(statuses).toEqual(Array<number>(100).fill(200));
    expect(Math.max(...openMs)).toBeLessThan(closedWithinMs());
    expect(await outcomes).toEqual(senders.map(({ what }) => ({ what, closed: true, inTime: true })));
    client.close();
  });
});

describe('The client address that guesses are counted for', () => {
  const guess = (from: RunningService, nth: number, ...headers: string[]) =>
    exchange(from.origin, { path: `${PATH}?client_id=guessed&client_secret=guess-number-${nth}`, headers });

  async function guessesUntilSlowed(
    from: RunningService,
    forwarded: (nth: number) => string,
    first = 0,
  ): Promise<number> {
    for (let nth = 0; nth < 30; nth += 1) {
      const { status } = await guess(from, first + nth, 'X-Forwarded-For', forwarded(nth));
      if (status === 429) return nth;
    }
    return Infinity;
  }

  it('is not what X-Forwarded-For says', async () => {
    expect(await guessesUntilSlowed(service, (nth) => `203.0.113.${nth}`)).toBeLessThan(15);
  });

  it('is what X-Forwarded-For says when it comes from TRUST_PROXY', async () => {
    const behindProxy = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, TRUST_PROXY: '127.0.0.1/32' });
    try {
      expect(await guessesUntilSlowed(behindProxy, (nth) => `203.0.113.${nth}`)).toBe(Infinity);
      // What the client itself put in front of the proxy's entry is not believed.
      expect(await guessesUntilSlowed(behindProxy, (nth) => `203.0.113.${nth}, 198.51.100.1`, 100)).toBeLessThan(15);
    } finally {
      await behindProxy.close();
    }
  });
});
