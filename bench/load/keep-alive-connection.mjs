import { once } from 'node:events';
import { connect } from 'node:net';

const END_OF_HEADERS = '\r\n\r\n';
const NOTHING = Buffer.alloc(0);
/** One buffer for all connections, because data is processed before more is read. */
const INBOX = Buffer.alloc(64 * 1024);

/** An HTTP connection with one request at a time, as simple as possible, so that the load itself is not measured. */
class KeepAliveConnection {
  #socket;
  /** The part of an incomplete response received so far. */
  #begun = NOTHING;
  #answered;

  static async open(port) {
    const connection = new KeepAliveConnection();
    const onread = { buffer: INBOX, callback: (length, buffer) => connection.#receive(buffer.subarray(0, length)) };
    connection.#socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
    await once(connection.#socket, 'connect');
    connection.#socket.on('error', () => undefined);
    connection.#socket.on('close', () => connection.#settle(undefined));
    return connection;
  }

  /**
   * Sends a message. `answered` is called with the status when the response is complete, or with `undefined` if the
   * server closes the connection.
   */
  send(message, answered) {
    this.#answered = answered;
    this.#socket.write(message, 'latin1');
  }

  close() {
    this.#answered = undefined;
    this.#socket.destroy();
  }

  #receive(chunk) {
    const received = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    if (isComplete(received)) {
      this.#begun = NOTHING;
      this.#settle(Number(received.latin1Slice(9, 12)));
    } else this.#begun = Buffer.from(received);
    // `false` would stop reading.
    return true;
  }

  #settle(status) {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(status);
  }
}

function isComplete(response) {
  const end = response.indexOf(END_OF_HEADERS);
  if (end === -1) return false;
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(response.latin1Slice(0, end)) ?? [];
  if (length === undefined) throw new Error('A response without Content-Length');
  return response.length >= end + END_OF_HEADERS.length + Number(length);
}

/** @returns {Promise<KeepAliveConnection[]>} */
export function openConnections(port, count) {
  return Promise.all(Array.from({ length: count }, () => KeepAliveConnection.open(port)));
}
