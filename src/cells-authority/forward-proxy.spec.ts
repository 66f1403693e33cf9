import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { closedPort } from '../../test/support/closed-port.js';
import { TransportFailure } from './authorization-server/transport-failure.js';
import { ForwardProxy } from './forward-proxy.js';

const ACCEPTED = 'HTTP/1.1 200 OK\r\nVia: p\r\n\r\n';
const INTERIM = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';

const CREDENTIALS = 'user:pass';

describe('A tunnel through a forward proxy', () => {
  const server = createServer();
  let atProxy: Promise<Socket>;
  let tunnel: Socket;

  beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'));
  beforeEach(() => {
    atProxy = once(server, 'connection').then(([socket]) => (socket as Socket).on('error', () => undefined));
  });
  afterEach(async () => {
    tunnel.destroy();
    (await atProxy).destroy();
  });
  afterAll(() => server.close());

  /** `open`, or the failure. */
  function begin(port = (server.address() as AddressInfo).port): Promise<string> {
    return new Promise((resolve) => {
      tunnel = new ForwardProxy(`http://${CREDENTIALS}@127.0.0.1:${port}`).tunnel('api.example', 443, (failure) => {
        if (failure === undefined) resolve('open');
        else resolve(failure instanceof TransportFailure ? `${failure.kind} ${failure.code}` : 'given up');
      });
    });
  }

  it('is asked for by CONNECT, and then leads to the host', async () => {
    const result = begin();
    const socket = await atProxy;
    const [request] = (await once(socket, 'data')) as [Buffer];
    expect(String(request)).toBe(
      'CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n',
    );
    socket.write(ACCEPTED);
    expect(await result).toBe('open');
    socket.write('of the host');
    expect(tunnel.readableFlowing).toBe(false);
    const [received] = (await once(tunnel.resume(), 'data')) as [Buffer];
    expect(String(received)).toBe('of the host');
  });

  it.each([
    ['accepted', [ACCEPTED], 'open'],
    ['accepted in parts', Array.from(ACCEPTED), 'open'],
    ['accepted after interim answers', [`HTTP/1.1 100 Continue\r\n\r\n${INTERIM}${ACCEPTED}`], 'open'],
    ['accepted after interim answers in parts', Array.from(`${INTERIM}${INTERIM}${ACCEPTED}`), 'open'],
    ['refused after an interim answer', [`${INTERIM}HTTP/1.1 503 No\r\n\r\n`], 'proxy_refused PROXY_503'],
    ['refused with a page', [`HTTP/1.1 403 No\r\n\r\n${'x'.repeat(20_000)}`], 'proxy_refused PROXY_403'],
    ['asked for other credentials', ['HTTP/1.1 407 Who\r\n\r\n'], 'proxy_auth PROXY_407'],
    ['followed by bytes that are not of the host', [`${ACCEPTED}\x16\x03`], 'proxy_refused PROXY_ANSWER'],
    ['answered by something else than HTTP', ['SSH-2.0\r\n\r\n'], 'proxy_refused PROXY_ANSWER'],
    ['answered at too great length', ['HTTP/1.1 200 OK\r\n', 'x'.repeat(17_000)], 'proxy_refused PROXY_ANSWER'],
    ['only answered with interim answers', Array<string>(500).fill(INTERIM), 'proxy_refused PROXY_ANSWER'],
  ])('is %s', async (_how, parts, expected) => {
    const result = begin();
    const socket = await atProxy;
    socket.setNoDelay(true);
    for (const part of parts) {
      socket.write(part);
      await new Promise(setImmediate);
    }
    expect(await result).toBe(expected);
    expect(tunnel.destroyed).toBe(expected !== 'open');
  });

  it('is not there when the proxy closes', async () => {
    const result = begin();
    (await atProxy).end('HTTP/1.1 200 OK\r\n');
    expect(await result).toBe('proxy_refused PROXY_CLOSED');
  });

  it('is not there when the proxy breaks the connection, or nobody listens', async () => {
    const broken = begin();
    (await atProxy).resetAndDestroy();
    expect(await broken).toBe('proxy_unreachable PROXY_UNREACHABLE');
    expect(await begin(await closedPort())).toBe('proxy_unreachable PROXY_UNREACHABLE');
  });

  it.each([
    ['given up', undefined, 'given up'],
    [
      'ended by a time limit',
      new TransportFailure('connect_timeout', true, 'CONNECT_TIMEOUT'),
      'connect_timeout CONNECT_TIMEOUT',
    ],
  ])('may be %s before the proxy answers', async (_how, failure, expected) => {
    const result = begin();
    await atProxy;
    tunnel.destroy(failure);
    expect(await result).toBe(expected);
  });
});
