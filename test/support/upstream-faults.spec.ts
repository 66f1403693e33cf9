import { type ConnectionOptions } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { type RawAnswer, RawClient, rawRequest } from './raw-client.js';
import { FAULTY_TOKEN } from './raw-reply.js';
import { type ScriptedServer, startScriptedServer } from './scripted-server.js';
import {
  type FaultyUpstream,
  idleSocketFaults,
  unkeptLifetimes,
  unreadableErrors,
  relayedErrors,
  upstreamFaults,
} from './upstream-faults.js';
import * as scripts from './upstream-scripts.js';

const BODY = 'grant_type=client_credentials&client_id=a&client_secret=b';
const REQUEST = `POST /connect/token HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
/** A head and some body, all of which the scripts send in one piece. */
const WHOLE_ANSWER = /\r\n\r\n./s;
const RESET = { error: 'ECONNRESET' };

async function withUpstream<T extends FaultyUpstream>(start: () => Promise<T>, use: (upstream: T) => Promise<void>) {
  const upstream = await start();
  try {
    await use(upstream);
  } finally {
    await upstream.close();
  }
}

const portOf = ({ tokenUrl }: FaultyUpstream) => Number(new URL(tokenUrl).port);

async function faultNamed(name: string): Promise<FaultyUpstream> {
  const found = upstreamFaults.find(({ fault }) => fault === name);
  if (!found) throw new Error(`no fault is named ${name}`);
  return found.start();
}

const onTheWire: Record<string, { ending: RawAnswer['ending']; text: RegExp }> = {
  'headers never come': { ending: 'open', text: /^$/ },
  'half a header, then silence': { ending: 'open', text: /^HTTP\/1\.1 200 OK\r\n(?!.*\r\n\r\n)/s },
  'reset on connecting': { ending: RESET, text: /^$/ },
  'reset upon the request': { ending: RESET, text: /^$/ },
  'closed upon the request': { ending: 'FIN', text: /^$/ },
  'reset mid-headers': { ending: RESET, text: /^HTTP\/1\.1 200 OK\r\n(?!.*\r\n\r\n)/s },
  'reset mid-body': { ending: RESET, text: /\r\n\r\n\{"access_token":"e/ },
  'closed mid-headers': { ending: 'FIN', text: /^HTTP\/1\.1 200 OK\r\n(?!.*\r\n\r\n)/s },
  'body shorter than its length': { ending: 'FIN', text: /"expires_i$|"expir[^}]*$/ },
  'last chunk missing': { ending: 'FIN', text: /chunked.*\r\n\{"access_token".*\}\r\n$/s },
  'JSON cut off': { ending: 'open', text: /"Bearer"[^}]*$/ },
  'two content lengths': { ending: 'FIN', text: /Content-Length: \d+\r\nContent-Length: 7\r\n/ },
  'content length and chunks': { ending: 'FIN', text: /Content-Length: \d+\r\nTransfer-Encoding: chunked\r\n/ },
  'not HTTP': { ending: 'FIN', text: /^220 / },
  'body over 64 KiB': { ending: 'open', text: /Content-Length: 65537\r\n\r\n.{65537}$/s },
  '200 with HTML': { ending: 'open', text: /text\/html.*<!doctype html>/s },
  '200 without access_token': { ending: 'open', text: /\r\n\r\n\{"token_type"/ },
  '200 without token_type': { ending: 'open', text: /^(?!.*token_type).*"access_token"/s },
  '200 without a body': { ending: 'open', text: /Content-Length: 0\r\n\r\n$/ },
  '429 with seconds': { ending: 'open', text: /^HTTP\/1\.1 429 .*Retry-After: 600\r\n/s },
  '429 with a date': { ending: 'open', text: /Retry-After: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\n/ },
  '429 with an unreadable Retry-After': { ending: 'open', text: /Retry-After: soon\r\n/ },
  '429 without Retry-After': { ending: 'open', text: /^HTTP\/1\.1 429 (?!.*Retry-After)/s },
  '503': { ending: 'open', text: /^HTTP\/1\.1 503 Service Unavailable\r\n/ },
};

describe('faults on the wire', () => {
  it.each(Object.entries(onTheWire))('%s', async (fault, { ending, text }) => {
    await withUpstream(
      () => faultNamed(fault),
      async (upstream) => {
        const expected = ending === 'open' ? { until: text, waitMs: text.test('') ? 150 : undefined } : {};
        const answer = await rawRequest(portOf(upstream), REQUEST, expected);

        expect(answer.ending).toEqual(ending);
        expect(answer.text).toMatch(text);
        expect(upstream.connections).toHaveLength(1);
      },
    );
  });

  it('sends the body ten bytes short', async () => {
    await withUpstream(
      () => faultNamed('body shorter than its length'),
      async (upstream) => {
        const [head = '', body = ''] = (await rawRequest(portOf(upstream), REQUEST)).text.split('\r\n\r\n');
        expect(Number(/Content-Length: (\d+)/.exec(head)?.[1]) - body.length).toBe(10);
      },
    );
  });

  it('drips headers, a byte at a time', async () => {
    await withUpstream(
      () => startScriptedServer(scripts.dripHead(20)),
      async ({ port }) => {
        const { text, arrivals } = await rawRequest(port, REQUEST, { until: /1\.1 200/ });
        expect('HTTP/1.1 200 OK').toContain(text);
        expect(arrivals).toHaveLength(text.length);
        expect(arrivals.length).toBeGreaterThan(5);
      },
    );
  });

  it('drips the body, a byte at a time and one a second by default', async () => {
    await withUpstream(
      () => startScriptedServer(scripts.dripBody()),
      async ({ port }) => {
        const { text, arrivals } = await rawRequest(port, REQUEST, { until: /\r\n\r\n\{"a/ });
        expect(text).toMatch(/\r\n\r\n\{"a$/);
        expect(arrivals).toHaveLength(4);
        expect(arrivals.at(-1)).toBeGreaterThan(2_500);
      },
    );
  });

  it.each(['endless chunks', 'endless body', 'endless headers'])('sends %s', async (fault) => {
    await withUpstream(
      () => faultNamed(fault),
      async (upstream) => {
        const { bytes } = await rawRequest(portOf(upstream), REQUEST, { waitMs: 1000 });
        // Twice what the service reads of an answer.
        expect(bytes.length).toBeGreaterThan(128 * 1024);
      },
    );
  });

  it('compresses a good token response', async () => {
    await withUpstream(
      () => faultNamed('gzip'),
      async (upstream) => {
        const { bytes, text } = await rawRequest(portOf(upstream), REQUEST, { until: WHOLE_ANSWER });
        expect(text).toContain('Content-Encoding: gzip');
        expect(gunzipSync(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)).toString()).toContain(FAULTY_TOKEN);
      },
    );
  });

  it.each([301, 302, 303, 307, 308])('redirects with %i to another origin', async (status) => {
    await withUpstream(
      () => faultNamed(`redirect ${status}`),
      async (upstream) => {
        const { text } = await rawRequest(portOf(upstream), REQUEST, { until: WHOLE_ANSWER });
        expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
        expect(text).toContain(`Location: ${String(upstream.elsewhere?.tokenUrl)}\r\n`);
        expect(upstream.elsewhere?.connections).toEqual([]);
      },
    );
  });

  it.each(unkeptLifetimes)('answers with expires_in $name', async ({ start, expiresIn, relayed }) => {
    await withUpstream(start, async (upstream) => {
      const { text } = await rawRequest(portOf(upstream), REQUEST, { until: WHOLE_ANSWER });
      const body = text.split('\r\n\r\n')[1] ?? '';
      expect((JSON.parse(body) as { expires_in: unknown }).expires_in).toEqual(relayed);
      expect(body.includes('expires_in')).toBe(expiresIn !== null);
    });
  });

  it.each([...relayedErrors, ...unreadableErrors])('answers $status', async ({ start, status }) => {
    await withUpstream(start, async (upstream) => {
      const { text } = await rawRequest(portOf(upstream), REQUEST, { until: WHOLE_ANSWER });
      expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    });
  });
});

describe('faults before HTTP', () => {
  it('refuses connections', async () => {
    await withUpstream(
      () => faultNamed('connection refused'),
      async (upstream) => {
        expect(await rawRequest(portOf(upstream), REQUEST)).toMatchObject({ ending: { error: 'ECONNREFUSED' } });
      },
    );
  });

  it('swallows connection attempts, however many', async () => {
    await withUpstream(
      () => faultNamed('connect black hole'),
      async (upstream) => {
        const clients = Array.from({ length: 20 }, () => new RawClient(portOf(upstream)));
        const connected = jest.fn();
        for (const { socket } of clients) socket.on('connect', connected);

        const endings = await Promise.all(clients.map((client) => client.ended(2_500)));

        expect(connected).not.toHaveBeenCalled();
        expect(endings.map(({ ending }) => ending)).toEqual(clients.map(() => 'open'));
      },
    );
  });

  it.each([
    ['certificate expired', 'CERT_HAS_EXPIRED'],
    ['certificate for another host', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['certificate of an untrusted authority', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ])('%s', async (fault, error) => {
    await withUpstream(
      () => faultNamed(fault),
      async (upstream) => {
        const tls = { ca: upstream.ca, servername: '' };

        expect(await rawRequest(portOf(upstream), REQUEST, { tls })).toMatchObject({ ending: { error } });

        expect(upstream.connections).toHaveLength(1);
        expect(upstream.requests).toEqual([]);
        // The fault is in the certificate alone: a client that does not care gets a token.
        const careless: ConnectionOptions = { rejectUnauthorized: false };
        const answer = await rawRequest(portOf(upstream), REQUEST, { tls: careless, until: WHOLE_ANSWER });
        expect(answer.text).toContain(FAULTY_TOKEN);
        expect(upstream.requests).toHaveLength(1);
      },
    );
  });
});

describe('faults of a reused connection', () => {
  it.each([
    ['reused socket reset', RESET],
    ['reused socket closed', 'FIN'],
  ])('%s: good once, then ended with nothing sent', async (name, ending) => {
    const found = idleSocketFaults.find(({ fault }) => fault === name);
    await withUpstream(
      () => found?.start() ?? Promise.reject(new Error(name)),
      async (upstream) => {
        const client = new RawClient(portOf(upstream));
        client.send(REQUEST);
        expect(await client.next()).toContain(FAULTY_TOKEN);
        client.send(REQUEST);

        const ended = await client.ended();

        expect(ended.ending).toEqual(ending);
        expect(ended.chunks).toHaveLength(1);
        expect(upstream.requests).toHaveLength(2);
      },
    );
  });

  it.each(['FIN', 'RST'] as const)('drops idle connections with %s as the next request sets out', async (how) => {
    await withUpstream(
      () => startScriptedServer(scripts.answerToken),
      async (upstream) => {
        const client = new RawClient(upstream.port);
        client.send(REQUEST);
        await client.next();

        upstream.dropConnections(how);
        client.send(REQUEST);

        const { ending, chunks } = await client.ended();
        expect(['FIN', 'ECONNRESET', 'EPIPE']).toContain(typeof ending === 'string' ? ending : ending.error);
        expect(chunks).toHaveLength(1);
        expect(upstream.requests).toHaveLength(1);
      },
    );
  });
});

describe('startScriptedServer', () => {
  it('records every connection, byte and request', async () => {
    await withUpstream(
      () => startScriptedServer(scripts.answerToken),
      async (upstream) => {
        await rawRequest(upstream.port, REQUEST + REQUEST, { until: WHOLE_ANSWER });
        await rawRequest(upstream.port, 'POST / HTTP/1.1\r\nX: y', { waitMs: 100 });

        expect(upstream.connections.map(({ received }) => received.toString())).toEqual([
          REQUEST + REQUEST,
          'POST / HTTP/1.1\r\nX: y',
        ]);
        expect(upstream.requests).toHaveLength(2);
        expect(upstream.requests[0]).toMatchObject({ method: 'POST', target: '/connect/token', body: BODY });
      },
    );
  });

  it('resets with an RST under TLS too', async () => {
    const { CertificateAuthority } = await import('./certificate-authority.js');
    const authority = new CertificateAuthority();
    const start = () => startScriptedServer(scripts.reset, { tls: authority.issue() });
    await withUpstream(start, async (upstream) => {
      const tls = { ca: authority.certificate };
      expect(await rawRequest(upstream.port, REQUEST, { tls })).toMatchObject({ text: '', ending: RESET });
      expect(upstream.requests).toHaveLength(1);
    });
  });

  it('closes with connections still open', async () => {
    const upstream: ScriptedServer = await startScriptedServer(scripts.answerNothing);
    const clients = [new RawClient(upstream.port), new RawClient(upstream.port)];
    clients[0]?.send(REQUEST);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(upstream.connections.map(({ open }) => open)).toEqual([true, true]);

    await upstream.close();

    expect(upstream.connections.map(({ open }) => open)).toEqual([false, false]);
    for (const client of clients) expect((await client.ended()).ending).not.toBe('open');
  });
});
