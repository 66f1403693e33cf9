import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { GracefulStop } from './graceful-stop.js';
import { Stopping } from './stopping.module.js';

/** Longer than a test may take. */
const GRACE_MS = 60_000;
const REQUEST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n';

let server: Server;
let port: number;
let stop: GracefulStop;
const steps: string[] = [];

beforeEach(async () => {
  steps.length = 0;
  server = createServer({ keepAliveTimeout: GRACE_MS }, (_request, response) => response.end('served'));
  stop = new GracefulStop({
    server,
    stopping: new Stopping(),
    endTransfers: () => undefined,
    close: () => {
      steps.push('closed');
      return Promise.resolve();
    },
  });
  server.listen(0, '127.0.0.1').on('close', () => steps.push('no connection left'));
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

/** Keeps the process from everything else, as a busy machine does. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Answers by a connection that the system has made, but the server has not accepted yet. */
function waitingConnections(count: number): Promise<string>[] {
  return Array.from({ length: count }, () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(REQUEST);
    return text(socket);
  });
}

describe('GracefulStop', () => {
  it('answers all connections that wait to be accepted when the server stops listening', async () => {
    const answers = waitingConnections(50);

    await stop.stop(GRACE_MS, 0);

    const served = (await Promise.all(answers)).filter((answer) => /^HTTP\/1\.1 200 [^]*served$/.test(answer));
    expect(served).toHaveLength(50);
  });

  it('answers a first request that arrived while the process was too busy to read it', async () => {
    const accepted = once(server, 'connection');
    const socket = connect(port, '127.0.0.1');
    const answer = text(socket);
    await accepted;

    const stopped = stop.stop(GRACE_MS, 0);
    while (server.listening) await new Promise(setImmediate);
    socket.write(REQUEST);
    block(1100);

    await stopped;
    expect(await answer).toMatch(/^HTTP\/1\.1 200 [^]*served$/);
  });

  it('answers a request that arrives just after the server stopped listening, and closes connections that stay idle', async () => {
    const nothing = text(connect(port, '127.0.0.1'));
    await once(server, 'connection');
    const [used, idle] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    const [answers, answer] = [text(used), text(idle)];
    for (const socket of [used, idle]) {
      socket.write(REQUEST);
      await once(socket, 'data');
    }

    const stopped = stop.stop(GRACE_MS, 0);
    while (server.listening) await new Promise(setImmediate);
    used.write(REQUEST);

    await stopped;
    expect((await answers).match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
    expect(await answer).toMatch(/served$/);
    expect(await nothing).toBe('');
  });

  it('closes everything else only when no connection is left', async () => {
    const [answer] = waitingConnections(1);

    await stop.stop(GRACE_MS, 0);

    expect(await answer).toContain('served');
    expect(steps).toEqual(['no connection left', 'closed']);
  });
});
