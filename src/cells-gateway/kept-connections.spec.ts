import { once } from 'node:events';
import { ClientRequest, createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { KeptConnections } from './kept-connections.js';

describe('Kept connections', () => {
  let server: Server;
  let answer: RequestListener;
  let accepted: Socket[];
  let kept: KeptConnections;

  beforeEach(async () => {
    accepted = [];
    answer = (_request, response) => response.end('ok');
    server = createServer((request, response) => {
      answer(request, response);
    });
    server.keepAliveTimeout = 0;
    server.on('connection', (socket: Socket) => accepted.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    kept = keep(15_000);
  });
  afterEach(async () => {
    kept.destroy();
    server.close();
    await once(server, 'close');
  });

  const keep = (keepAliveMs: number) =>
    new KeptConnections({
      connect: (connected) => {
        const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
        connected(socket);
        return socket;
      },
      maxConnections: 2,
      keepAliveMs,
    });

  const open = () => new ClientRequest({ agent: kept, path: '/' }).on('error', () => undefined);

  async function get(request = open()): Promise<{ reused: boolean; status: number | undefined }> {
    let status: number | undefined;
    request.once('response', (response) => {
      status = response.resume().statusCode;
    });
    // Closes after an error as well.
    await new Promise((resolve) => request.once('close', resolve).end());
    return { reused: request.reusedSocket, status };
  }

  const serverHasClosed = () => Promise.all(accepted.map((socket) => once(socket, 'close')));

  it('are used again, and the request knows it', async () => {
    expect((await get()).reused).toBe(false);
    expect((await get()).reused).toBe(true);
    expect(accepted).toHaveLength(1);
    expect(kept.numbers).toEqual({ connections: 1, idle: 1, waiting: 0 });
  });

  it('keep nothing of the last request', async () => {
    const headers = ['Host', 'g', 'Authorization', 'Bearer a-token-of-somebody'];
    const request = new ClientRequest({ agent: kept, path: '/', headers });
    await get(request);
    const { socket } = request;

    expect(kept.numbers.idle).toBe(1);
    expect(inspect(socket, { depth: 6, showHidden: true })).not.toContain('a-token-of-somebody');
  });

  it('are limited; waiting requests get the next free one in order', async () => {
    const order: string[] = [];
    answer = (request, response) => {
      order.push(request.url ?? '');
      setImmediate(() => response.end('ok'));
    };
    const requests = ['/1', '/2', '/3', '/4'].map((path) => new ClientRequest({ agent: kept, path }));
    expect(kept.numbers).toEqual({ connections: 2, idle: 0, waiting: 2 });
    await Promise.all(requests.map(get));
    expect(accepted).toHaveLength(2);
    expect(order.slice(2)).toEqual(['/3', '/4']);
  });

  it('are not given to a request that ended while waiting', async () => {
    const [first, second, third] = [open(), open(), open()];
    expect(kept.numbers.waiting).toBe(1);
    third.destroy();
    expect(kept.numbers.waiting).toBe(0);
    const asked: string[] = [];
    answer = (request, response) => {
      asked.push(request.url ?? '');
      response.end('ok');
    };
    await Promise.all([get(first), get(second)]);
    expect(asked).toEqual(['/', '/']);
    expect(kept.numbers).toEqual({ connections: 2, idle: 2, waiting: 0 });
  });

  it('that break make room for waiting requests', async () => {
    answer = (request, response) => (request.url === '/broken' ? request.socket.destroy() : response.end('ok'));
    for (const path of ['/broken', '/broken']) {
      new ClientRequest({ agent: kept, path }).on('error', () => undefined).end();
    }
    expect((await get()).status).toBe(200);
  });

  it.each<[string, number, RequestListener, boolean]>([
    ['when a kept one broke without a byte', 1, ({ socket }) => socket.destroy(), true],
    ['not when a byte had come', 1, ({ socket }) => socket.end('H'), false],
    ['not when it was new', 0, ({ socket }) => socket.destroy(), false],
  ])('were dead %s', async (_when, before, fails, dead) => {
    for (let nth = 0; nth < before; nth += 1) await get();
    answer = fails;
    const failed = open();
    await get(failed);
    expect(kept.wasDead(failed)).toBe(dead);
  });

  it('were not dead for a request that never had one', async () => {
    const [first, second, waiting] = [open(), open(), open()];
    waiting.destroy();
    expect(kept.wasDead(waiting)).toBe(false);
    await Promise.all([get(first), get(second)]);
  });

  it.each([
    ['timeout=10', 9000],
    ['timeout=16', 15_000],
    ['timeout=60', 15_000],
    ['max=5', 15_000],
  ])('are kept as long as the server says, but no longer than set: %s', async (keepAlive, keptMs) => {
    answer = (_request, response) => response.setHeader('Keep-Alive', keepAlive).end('ok');
    const request = open();
    await get(request);
    expect(request.socket?.timeout).toBe(keptMs);
  });

  it('that break leave the unused ones alone', async () => {
    answer = () => undefined;
    const broken = get();
    await once(server, 'request');
    answer = (_request, response) => response.end('ok');
    await get();
    accepted[0]?.destroy();
    await broken;
    expect(kept.numbers).toEqual({ connections: 1, idle: 1, waiting: 0 });
  });

  it('that the server has closed are forgotten, and the others stay', async () => {
    const requests = [open(), open()];
    await Promise.all(requests.map((request) => get(request)));
    expect(kept.numbers).toEqual({ connections: 2, idle: 2, waiting: 0 });

    const closed = requests.map(({ socket }) => socket).find((socket) => socket?.localPort === accepted[0]?.remotePort);
    accepted[0]?.end();
    await new Promise((resolve) => closed?.once('close', resolve));
    expect(kept.numbers).toEqual({ connections: 1, idle: 1, waiting: 0 });
    expect((await get()).reused).toBe(true);
    expect(accepted).toHaveLength(2);
  });

  it('end when they are unused for too long', async () => {
    kept = keep(50);
    await get();
    await serverHasClosed();
    expect((await get()).reused).toBe(false);
  });

  it('do not end while they are used, however long the answer takes, but when they are unused again', async () => {
    let finish = (): void => undefined;
    answer = (_request, response) => (finish = () => response.end('ok'));
    const request = open();
    const got = get(request);
    await once(server, 'request');
    const { socket } = request;
    socket?.emit('timeout');
    finish();
    expect((await got).status).toBe(200);
    socket?.emit('timeout');
    expect(socket?.destroyed).toBe(true);
  });

  it('are not kept when they have ended', async () => {
    const request = open();
    request.once('response', () => request.socket?.end());
    await get(request);
    expect(kept.numbers.idle).toBe(0);
  });

  it('end a second before the server says it would end them', async () => {
    answer = (_request, response) => response.setHeader('Keep-Alive', 'timeout=1').end('ok');
    await get();
    await serverHasClosed();
    expect((await get()).reused).toBe(false);
  });
});
