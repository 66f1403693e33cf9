import { ClientRequest } from 'node:http';
import { Socket } from 'node:net';

/**
 * Begins a connection. `connected` gets the socket for the request, or the failure: at once or, through a proxy, when
 * that has answered. Returns a socket that is open for as long as the connection, and that ends it when destroyed.
 */
export type Connect = (connected: (outcome: Socket | Error) => void) => Socket;

const GIVEN_UP = 'givenUp';

/** A request that may have to wait for its connection. */
export class OutgoingRequest extends ClientRequest {
  /** Node's own request only destroys a connection that it already has. */
  override destroy(error?: Error): this {
    if (this.socket === null) this.emit(GIVEN_UP);
    return super.destroy(error);
  }
}

/**
 * Opens the connection of a request. If it fails, so does the request; it is given up together with the request.
 *
 * @param prepare is called with the socket before the request gets it.
 * @returns what `connect` returned.
 */
export function connectFor(request: ClientRequest, connect: Connect, prepare?: (socket: Socket) => void): Socket {
  const connection = connect((outcome) => {
    if (outcome instanceof Error) {
      request.destroy(outcome);
      // A request reports its failure only once it has a socket. This one is never opened.
      request.onSocket(new Socket());
    } else {
      prepare?.(outcome);
      request.onSocket(outcome);
    }
  });
  request.once(GIVEN_UP, () => connection.destroy());
  return connection;
}
