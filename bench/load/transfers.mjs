import { once } from 'node:events';
import { request } from 'node:http';
import { BEARER, filePath } from '../http/file-request.mjs';

const PIECE = Buffer.alloc(64 * 1024, 'x');

/** Downloads a file and throws unless all of its bytes arrive. */
export async function download(port, bytes) {
  const response = await answerTo(open(port, 'GET', filePath(bytes)).end());
  let received = 0;
  response.on('data', (piece) => (received += piece.length));
  await once(response, 'end');
  if (received !== bytes) throw new Error(`${received} of ${bytes} bytes came`);
}

/** Uploads a file and throws unless all of its bytes arrive. */
export async function upload(port, bytes) {
  const sending = open(port, 'PUT', filePath(bytes), { 'Content-Length': bytes });
  const answered = expectReceived(sending, () => bytes);
  let left = bytes;
  const sendMore = () => {
    while (left > PIECE.length) {
      left -= PIECE.length;
      if (!sending.write(PIECE)) {
        sending.once('drain', sendMore);
        return;
      }
    }
    sending.end(PIECE.subarray(0, left));
  };
  sendMore();
  await answered;
}

/** A client on a slow line sends 16 KiB a second, in such pieces. */
const SLOW_PIECE = Buffer.alloc(4096, 'x');
const SLOW_INTERVAL_MS = 250;

/**
 * Begins uploads that send a little now and then, spread evenly over time.
 *
 * @returns {{ end: () => Promise<void> }} throws unless all bytes of each have arrived
 */
export function beginSlowUploads(port, count) {
  const uploads = Array.from({ length: count }, (_, n) => beginSlowUpload(port, (n * SLOW_INTERVAL_MS) / count));
  return { end: () => Promise.all(uploads.map((end) => end())) };
}

function beginSlowUpload(port, delayMs) {
  const sending = open(port, 'PUT', filePath(0));
  let sent = 0;
  const answered = expectReceived(sending, () => sent);
  // Checked at the end; until then it must not count as an unhandled rejection.
  answered.catch(() => undefined);
  const send = () => {
    sending.write(SLOW_PIECE);
    sent += SLOW_PIECE.length;
  };
  let timer = setTimeout(() => {
    send();
    timer = setInterval(send, SLOW_INTERVAL_MS);
  }, delayMs);
  return async () => {
    clearTimeout(timer);
    sending.end();
    await answered;
  };
}

function open(port, method, path, headers = {}) {
  return request({ host: '127.0.0.1', port, method, path, headers: { ...BEARER, ...headers } });
}

async function expectReceived(sending, bytes) {
  const response = await answerTo(sending);
  let text = '';
  response.setEncoding('latin1').on('data', (piece) => (text += piece));
  await once(response, 'end');
  if (Number(text) !== bytes()) throw new Error(`${text} of ${bytes()} bytes arrived`);
}

async function answerTo(sending) {
  const [response] = await once(sending, 'response');
  if (response.statusCode !== 200) {
    response.resume();
    throw new Error(`A file request was answered with ${response.statusCode}`);
  }
  return response;
}
