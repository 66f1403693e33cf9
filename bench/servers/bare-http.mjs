/** The least that Node can do over HTTP: a ready string for every request. */
import { createServer } from 'node:http';
import { clientCredentials } from '../http/client-credentials.mjs';
import { tokenResponse } from '../http/token-response.mjs';

const text = tokenResponse(clientCredentials(0).clientId);

const server = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length });
  response.end(text);
});
// Fastify's default. With Node's own 5 s, a pause of the whole machine would end all connections.
server.keepAliveTimeout = 72_000;
server.listen(Number(process.env.PORT), '127.0.0.1');
