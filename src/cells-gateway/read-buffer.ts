import { type OnReadOpts, type Socket } from 'node:net';

/** What Node reads at a time. */
const READ_BYTES = 64 * 1024;

/** Node's HTTP parser copies the parts of a body out of what was read, so one buffer is enough for all connections. */
const READ_BUFFER = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Opens a connection, for Node's HTTP client, that reads into a buffer which all connections share. With a new buffer
 * for every read, a large file takes a fifth more processor time (docs/decisions.md).
 *
 * @param open makes the socket with this `onread` option.
 */
export function sharingReadBuffer<S extends Socket>(open: (onread: OnReadOpts) => S): S {
  const socket = open({
    buffer: READ_BUFFER,
    callback: (length, buffer) => {
      // Nobody listens while the connection is unused. What comes then must not be taken for the next answer.
      if (!socket.emit('data', READ_BUFFER.subarray(0, length))) socket.destroy();
      buffer.fill(0, 0, length);
      return true;
    },
  });
  return socket;
}
