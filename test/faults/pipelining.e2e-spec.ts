import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type BuiltService, startBuiltService } from '../support/built-service.js';
import { join } from 'node:path';
import { exchange } from '../support/http-exchange.js';
import { RawClient } from '../support/raw-client.js';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { answerToken } from '../support/upstream-scripts.js';
import { settled } from './resources.js';

const PATH = '/v4.0/cells/connect/token';
const SECRET = 'pipelining-secret-0123456789';
/** As `npm start` has them. */
const NODE_ARGUMENTS = /"start": ".*"/
  .exec(readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'))?.[0]
  .match(/--[\w=-]+/g);
const FLOOD = 12_000;
/** More than twice the memory of the idle process. */
const MOST_MIB = 256;
const MOST_FILES = 100;

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (id: string) => {
  const body = `client_id=${id}&client_secret=${SECRET}`;
  const type = 'application/x-www-form-urlencoded';
  return `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};

jest.setTimeout(120_000);

describe('Pipelined requests', () => {
  const ids = Array.from({ length: 20 }, (_, i) => `pipelining-${i}`);
  let upstream: ScriptedServer;
  const asked: (string | null)[] = [];
  let underWay = 0;
  let mostUnderWay = 0;
  let service: BuiltService;
  let port: number;

  beforeAll(async () => {
    upstream = await startScriptedServer((exchange) => {
      if (exchange.request.body.includes('id=silence')) return;
      asked.push(new URLSearchParams(exchange.request.body).get('client_id'));
      underWay += 1;
      mostUnderWay = Math.max(mostUnderWay, underWay);
      setTimeout(() => {
        underWay -= 1;
        answerToken(exchange);
      }, 20);
    });
    service = await startBuiltService({
      env: { UPSTREAM_TOKEN_URL: upstream.tokenUrl, SHUTDOWN_GRACE_MS: '0' },
      nodeArguments: NODE_ARGUMENTS ?? [],
    });
    port = Number(new URL(service.origin).port);
  }, 120_000);
  afterAll(async () => {
    await service.stop();
    await upstream.close();
  });

  const process = () => `/proc/${service.process.pid}`;
  const openFiles = () => readdirSync(`${process()}/fd`).length;
  const mostMemoryMib = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`${process()}/status`, 'utf8'))?.[1]) / 1024;

  it.each([
    ['reads', true],
    ['does not read', false],
  ])(`${FLOOD} for the script of the try-it page do not end the process, when the client %s`, async (_, reads) => {
    const client = new RawClient(port);
    if (!reads) client.socket.pause();
    let files = 0;
    const watching = setInterval(() => {
      files = Math.max(files, openFiles());
    }, 20);
    client.send(get('/cells/swagger-ui-bundle.js').repeat(FLOOD));
    await client.ended();
    clearInterval(watching);

    expect((await exchange(service.origin, { method: 'GET', path: '/health/live' })).status).toBe(200);
    expect(files).toBeLessThan(MOST_FILES);
    expect(mostMemoryMib()).toBeLessThan(MOST_MIB);
  });

  it('do not pile up behind one that waits for the authorization server', async () => {
    const clients = Array.from({ length: 50 }, () => new RawClient(port));
    for (const client of clients) client.send(post('silence') + get('/').repeat(FLOOD));
    const endings = await Promise.all(clients.map((client) => client.ended()));

    expect(endings.filter(({ ending }) => ending === 'open')).toEqual([]);
    expect((await exchange(service.origin, { method: 'GET', path: '/health/live' })).status).toBe(200);
    expect(mostMemoryMib()).toBeLessThan(MOST_MIB);
  });

  it('are answered in turn, one at a time', async () => {
    const client = new RawClient(port);
    let text = '';
    client.socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    client.send(ids.map(post).join(''));
    await settled(() => text.split('HTTP/1.1 200').length > ids.length);

    expect(asked).toEqual(ids);
    expect(mostUnderWay).toBe(1);

    text = '';
    // A body in pieces, between requests without one.
    const [first, second] = [post('pipelining-0').slice(0, -5), post('pipelining-0').slice(-5)];
    client.send(get('/health/live') + first);
    await once(client.socket, 'data');
    client.send(second + get('/health/live'));
    await settled(() => text.split('HTTP/1.1 200').length > 3);
    client.socket.destroy();
  });
});
