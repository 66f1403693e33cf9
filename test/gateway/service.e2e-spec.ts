import { once } from 'node:events';
import { type Socket } from 'node:net';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { FAULTY_TOKEN } from '../support/raw-reply.js';
import { type RunningService, startService } from '../support/service.js';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { answerToken } from '../support/upstream-scripts.js';
import { settled } from '../faults/resources.js';
import { RawUpstream } from './test-gateway.js';

const TOKEN_REQUEST = {
  method: 'POST',
  body: new URLSearchParams({ client_id: 'id', client_secret: 'gateway-secret' }),
};

describe('The gateway in the service', () => {
  let authorizationServer: ScriptedServer;
  let api: RawUpstream;
  let service: RunningService;
  let port: number;

  beforeAll(async () => {
    authorizationServer = await startScriptedServer(answerToken);
    api = await RawUpstream.start();
    service = await startService({
      UPSTREAM_TOKEN_URL: authorizationServer.tokenUrl,
      CELLS_API_URL: api.origin,
      CORS_ORIGINS: 'https://app.example.com',
    });
    port = Number(new URL(service.origin).port);
  });
  afterAll(async () => {
    await service.close();
    await api.close();
    await authorizationServer.close();
  });
  beforeEach(() => {
    api.clear();
    api.onRequest = ({ socket }) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });

  it.each(['/v1.1/cells/a', '/v3.0/cells', '/v4.0/cells/convert?format=pdf'])('passes %s on', async (path) => {
    const response = await fetch(service.origin + path, { headers: { Authorization: 'Bearer abc' } });
    expect([response.status, await response.text()]).toEqual([200, 'ok']);
    expect(api.received).toMatch(/^Authorization: Bearer abc\r$/im);
  });

  it.each(['/v4.0/cells/connect/token', '/v3.0/cells/connect/token', '//v3.0/cells/connect/token', '/connect/token'])(
    'gives out tokens at %s itself',
    async (path) => {
      const response = await fetch(service.origin + path, TOKEN_REQUEST);
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ access_token: FAULTY_TOKEN });
      expect(api.received).toBe('');
    },
  );

  it.each(['/', '/v3.0/words/a', '/v4.0', '/health/nothing'])('answers 404 to %s as it did', async (path) => {
    const response = await fetch(service.origin + path);
    expect([response.status, response.headers.get('proxy-status')]).toEqual([404, null]);
    expect(api.received).toBe('');
  });

  it('answers preflights by CORS alone', async () => {
    const response = await fetch(`${service.origin}/v3.0/cells/a`, {
      method: 'OPTIONS',
      headers: { Origin: 'https://app.example.com', 'Access-Control-Request-Method': 'POST' },
    });
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'https://app.example.com',
    ]);
    expect(api.received).toBe('');
  });

  it('adds no headers of the service to what the Cells API answers, and all of them to what it answers itself', async () => {
    const passed = await fetch(`${service.origin}/v3.0/cells/a`);
    expect([...passed.headers.keys()].sort()).toEqual([
      'connection',
      'content-length',
      'keep-alive',
      'via',
      'x-request-id',
    ]);
    const refused = await fetch(`${service.origin}/v3.0/cells/%`);
    expect(refused.status).toBe(400);
    expect(refused.headers.get('x-content-type-options')).toBe('nosniff');
    expect(refused.headers.get('cache-control')).toBe('no-store');
  });

  it('keeps the id of a request that has one', async () => {
    const response = await fetch(`${service.origin}/v3.0/cells/a`, { headers: { 'X-Request-Id': 'from-the-client' } });
    expect(response.headers.get('x-request-id')).toBe('from-the-client');
    expect(api.received).toMatch(/^X-Request-Id: from-the-client\r$/m);
  });

  it('lets an upload take longer than other requests may', async () => {
    api.onRequest = () => undefined;
    const [client, socket] = await openConnection();
    client.send('PUT /v3.0/cells/storage/file/a HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    await untilReceived(/abc$/);
    service.app.getHttpServer().emit('clientError', timeout, socket);
    client.send('def');
    await untilReceived(/abcdef$/);
    client.socket.destroy();
  });

  it('lets a slow token request take no longer than before', async () => {
    const [client, socket] = await openConnection();
    const answered = once(client.socket, 'data');
    const asked = once(service.app.getHttpServer(), 'request');
    client.send('POST /connect/token HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    await asked;
    service.app.getHttpServer().emit('clientError', timeout, socket);
    expect(String(await answered)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('still sends 100 Continue to token clients that wait for it', async () => {
    const { text } = await rawRequest(
      port,
      'POST /connect/token HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
      { until: /\}$/ },
    );
    expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /);
  });

  it('is not there with CELLS_API_URL=off', async () => {
    const alone = await startService({ UPSTREAM_TOKEN_URL: authorizationServer.tokenUrl, CELLS_API_URL: 'off' });
    try {
      expect((await fetch(`${alone.origin}/v3.0/cells/a`)).status).toBe(404);
      expect((await fetch(`${alone.origin}/connect/token`, TOKEN_REQUEST)).status).toBe(200);
      expect(api.received).toBe('');
    } finally {
      await alone.close();
    }
  });

  /** Node's error when the time for a whole request is over. */
  const timeout = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });

  /** Both ends of a new connection. */
  async function openConnection(): Promise<[RawClient, Socket]> {
    const connected = once(service.app.getHttpServer(), 'connection') as Promise<[Socket]>;
    const client = new RawClient(port);
    const [socket] = await connected;
    return [client, socket];
  }

  async function untilReceived(text: RegExp): Promise<void> {
    await settled(() => text.test(api.received));
  }
});
