import { gzipSync } from 'node:zlib';
import { drip } from './drip.js';
import { flood } from './flood.js';
import { htmlReply, jsonReply, reply, replyHead, tokenJson } from './raw-reply.js';
import { type Script } from './scripted-server.js';

/** Each does one thing on the wire once a request is there; what it means is said in `upstream-faults.ts`. */

const JSON_TYPE = { 'Content-Type': 'application/json' };
const TOKEN = tokenJson();
const WHOLE = jsonReply(200, TOKEN);
const HEAD_LENGTH = WHOLE.length - TOKEN.length;
const BLOCK = Buffer.alloc(16 * 1024, 'x');

const answer =
  (bytes: Buffer): Script =>
  ({ socket }) =>
    socket.write(bytes);

export const answerToken: Script = answer(WHOLE);

export const answerNothing: Script = () => undefined;

/** Sends this much and then neither more nor an end. */
const stall =
  (bytes: string | Buffer): Script =>
  ({ socket }) =>
    socket.write(bytes);

export const stallMidHead: Script = stall(WHOLE.subarray(0, HEAD_LENGTH / 2));

export const dripHead =
  (everyMs?: number): Script =>
  ({ socket }) => {
    drip(socket, WHOLE, everyMs);
  };

export const dripBody =
  (everyMs?: number): Script =>
  ({ socket }) => {
    socket.write(WHOLE.subarray(0, HEAD_LENGTH));
    drip(socket, WHOLE.subarray(HEAD_LENGTH), everyMs);
  };

export const reset: Script = (exchange) => {
  exchange.reset();
};

export const finish: Script = ({ socket }) => socket.end();

/** RST once the client had time to read what came before: an RST throws away what is still unread. */
const RESET_DELAY_MS = 50;

const sendThenReset =
  (bytes: Buffer): Script =>
  (exchange) => {
    exchange.socket.write(bytes);
    setTimeout(exchange.reset, RESET_DELAY_MS);
  };

export const resetMidHead: Script = sendThenReset(WHOLE.subarray(0, HEAD_LENGTH / 2));
export const resetMidBody: Script = sendThenReset(WHOLE.subarray(0, HEAD_LENGTH + 20));

const sendThenFinish =
  (bytes: string | Buffer): Script =>
  ({ socket }) =>
    socket.end(bytes);

export const finishMidHead: Script = sendThenFinish(WHOLE.subarray(0, HEAD_LENGTH / 2));
export const truncateBody: Script = sendThenFinish(WHOLE.subarray(0, -10));

/** The token is complete; the last chunk, which says so, is missing. */
export const truncateChunks: Script = sendThenFinish(
  `${replyHead(200, { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' })}${TOKEN.length.toString(16)}\r\n${TOKEN}\r\n`,
);

/** The lengths agree; the JSON inside is cut off. */
export const truncateJson: Script = answer(jsonReply(200, TOKEN.slice(0, -10)));

export const twoLengths: Script = sendThenFinish(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${TOKEN.length}\r\nContent-Length: 7\r\n\r\n${TOKEN}`,
);

export const lengthAndChunks: Script = sendThenFinish(
  replyHead(200, { ...JSON_TYPE, 'Content-Length': TOKEN.length, 'Transfer-Encoding': 'chunked' }) +
    `${TOKEN.length.toString(16)}\r\n${TOKEN}\r\n0\r\n\r\n`,
);

export const notHttp: Script = sendThenFinish('220 mail.example ESMTP\r\n');

/** A good token, followed by more white space than fits in 64 KiB. */
export const tooLong: Script = answer(jsonReply(200, TOKEN + ' '.repeat(65_537 - TOKEN.length)));

export const endlessChunks: Script = ({ socket }) => {
  socket.write(replyHead(200, { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' }));
  flood(socket, Buffer.concat([Buffer.from(`${BLOCK.length.toString(16)}\r\n`), BLOCK, Buffer.from('\r\n')]));
};

/** No length at all: the body would last as long as the connection. */
export const endlessBody: Script = ({ socket }) => {
  socket.write(replyHead(200, { ...JSON_TYPE, Connection: 'close' }));
  flood(socket, BLOCK);
};

export const endlessHead: Script = ({ socket }) => {
  socket.write('HTTP/1.1 200 OK\r\n');
  flood(socket, Buffer.from(`X-Filler: ${'x'.repeat(1_000)}\r\n`));
};

export const gzipped: Script = answer(reply(200, { ...JSON_TYPE, 'Content-Encoding': 'gzip' }, gzipSync(TOKEN)));

export const html = (status: number): Script => answer(htmlReply(status));

export const json = (status: number, body: string, headers: Record<string, string> = {}): Script =>
  answer(jsonReply(status, body, headers));

export const redirect = (status: number, location: string): Script =>
  answer(jsonReply(status, TOKEN, { Location: location }));

/** Good for the first request of a connection; the next one on it gets `then`. */
export const reusedConnection =
  (then: Script): Script =>
  (exchange) => {
    (exchange.nth === 1 ? answerToken : then)(exchange);
  };
