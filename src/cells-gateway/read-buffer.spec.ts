import { once } from 'node:events';
import { ClientRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, createServer, type OnReadOpts, type Server, type Socket } from 'node:net';
import { sharingReadBuffer } from './read-buffer.js';

describe('The read buffer', () => {
  let server: Server;
  let served: Promise<Socket>;
  let onread: OnReadOpts | undefined;

  beforeEach(async () => {
    server = createServer();
    served = new Promise((resolve) => server.once('connection', resolve));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    (await served).destroy();
    server.close();
    await once(server, 'close');
  });

  const open = () =>
    sharingReadBuffer((option) => {
      onread = option;
      return connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', onread: option });
    });

  it('is not what the parts of a body are in: they stay as they were when the next ones are read', async () => {
    const request = new ClientRequest({ createConnection: open, path: '/' }).end();
    const body = Buffer.alloc(1024 * 1024, 'some of which is read while the rest is on its way. ');
    (await served).end(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body]));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);

    expect(parts.length).toBeGreaterThan(1);
    expect(Buffer.concat(parts).equals(body)).toBe(true);
  });

  it.each(['free', 'close'])('contains nothing after the end of an answer (%s)', async (end) => {
    const socket = open();
    const received: string[] = [];
    socket.on('data', (bytes: Buffer) => received.push(bytes.toString()));
    (await served).write('somebody’s file');
    await once(socket, 'data');
    const buffer = onread?.buffer as Buffer;
    expect(received).toEqual(['somebody’s file']);
    expect(buffer.includes('somebody')).toBe(true);

    socket.emit(end);
    expect(buffer.every((byte) => byte === 0)).toBe(true);
    socket.destroy();
  });

  it('is read into again after each part', async () => {
    const socket = open();
    const end = await served;
    for (const part of ['one', 'two', 'three']) {
      const read = once(socket, 'data');
      end.write(part);
      expect(String((await read)[0])).toBe(part);
    }
    socket.destroy();
  });

  it('is not for answers that nobody asked for: the connection is closed', async () => {
    const socket = open();
    (await served).write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await once(socket, 'close');
    expect(socket.destroyed).toBe(true);
  });
});
