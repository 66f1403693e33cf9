/**
 * Stands in for the Cells API: a GET of `…/<bytes>` is answered with a file of that many bytes, and a PUT, once
 * complete, with the number of its bytes.
 */
import { createServer } from 'node:http';

const PIECE = Buffer.alloc(64 * 1024, 'x');

const server = createServer((request, response) => {
  if (request.method === 'GET') sendFile(Number(/\d+$/.exec(request.url)?.[0]), response);
  else takeFile(request, response);
});
server.keepAliveTimeout = 600_000;
server.requestTimeout = 0;
server.listen(Number(process.env.PORT), '127.0.0.1');

function sendFile(bytes, response) {
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': bytes });
  let left = bytes;
  const sendMore = () => {
    while (left > PIECE.length) {
      left -= PIECE.length;
      if (!response.write(PIECE)) {
        response.once('drain', sendMore);
        return;
      }
    }
    response.end(PIECE.subarray(0, left));
  };
  sendMore();
}

function takeFile(request, response) {
  let bytes = 0;
  request.on('data', (piece) => (bytes += piece.length));
  request.on('end', () => {
    const text = String(bytes);
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': text.length });
    response.end(text);
  });
}
