/**
 * The upstream: answers every token request with the token of the client that asks, at once or LATENCY_MS later, and
 * counts them. `GET /requests` says how many there were.
 */
import { createServer } from 'node:http';
import { tokenResponse } from '../http/token-response.mjs';

const latencyMs = Number(process.env.LATENCY_MS ?? 0);
let requests = 0;

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.end(String(requests));
    return;
  }
  let body = '';
  request.setEncoding('latin1');
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    requests += 1;
    const [, clientId = 'anybody'] = /client_id=([\w-]+)/.exec(`${request.url}&${body}`) ?? [];
    const text = tokenResponse(clientId);
    const answer = () => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length });
      response.end(text);
    };
    if (latencyMs === 0) answer();
    else setTimeout(answer, latencyMs);
  });
});
server.keepAliveTimeout = 600_000;
server.listen(Number(process.env.PORT), '127.0.0.1');
