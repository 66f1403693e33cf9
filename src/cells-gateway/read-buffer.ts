import { type OnReadOpts, type Socket } from 'node:net';

/** What Node reads at a time. */
const READ_BYTES = 64 * 1024;

/** Node's HTTP parser copies the parts of a body out of what was read, so one buffer is enough for all connections. */
const READ_BUFFER = Buffer.alloc(READ_BYTES);
/** How much of it may contain bytes of answers. */
let used = 0;

/**
 * Opens a connection, for Node's HTTP client, that reads into a buffer which all connections share. With a new buffer
 * for every read, a large file takes a fifth more processor time (docs/decisions.md). Nothing of an answer stays in it
 * after the answer's end.
 *
 * @param open makes the socket with this `onread` option.
 */
export function sharingReadBuffer<S extends Socket>(open: (onread: OnReadOpts) => S): S {
  const socket = open({
    buffer: READ_BUFFER,
    callback: (length) => {
      used = Math.max(used, length);
      // Nobody listens while the connection is unused. What comes then must not be taken for the next answer.
      if (!socket.emit('data', READ_BUFFER.subarray(0, length))) socket.destroy();
      return true;
    },
  });
  // Node's client emits `free` when an answer has ended and the connection can be used again.
  return socket.on('free', clear).once('close', clear);
}

function clear(): void {
  READ_BUFFER.fill(0, 0, used);
  used = 0;
}
