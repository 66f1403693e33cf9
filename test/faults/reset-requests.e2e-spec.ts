import { once } from 'node:events';
import { connect } from 'node:net';
import { exchange } from '../support/http-exchange.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { startService } from '../support/service.js';
import { json } from '../support/upstream-scripts.js';

const GUESSES = 100;
/** Those of an address, and those of the clients whose address was gone. */
const SENT_ON = 2 * 10;

const request = (clientId: string, secret: string) => {
  const body = `client_id=${clientId}&client_secret=${secret}`;
  return (
    'POST /connect/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  );
};

describe.each([
  ['its own address', {}],
  ['an address that a proxy tells', { TRUST_PROXY: '127.0.0.0/8' }],
])('A client that resets its connection with every request, with %s', (_, settings) => {
  it(`guesses ${SENT_ON} secrets at most`, async () => {
    const server = await startScriptedServer(json(400, '{"error":"invalid_client"}'));
    const service = await startService({ UPSTREAM_TOKEN_URL: server.tokenUrl, ...settings });
    const port = Number(new URL(service.origin).port);

    for (let nth = 0; nth < GUESSES; nth += 1) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(request('victim', `guess-${nth}`));
      socket.resetAndDestroy();
      await once(socket, 'close');
      // Its answer tells that what came before has been read.
      await exchange(service.origin, { path: '/health/live', method: 'GET' });
    }

    expect(server.requests.length).toBeGreaterThan(0);
    expect(server.requests.length).toBeLessThanOrEqual(SENT_ON);
    await service.close();
    await server.close();
  });
});
