import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/**
 * Node parses everything it has read, up to 64 KiB, even if the first request in it was answered with `Connection:
 * close` or destroyed the connection. What follows must not be processed (RFC 9112 §9.6). A single request object and a
 * single response object stand for all of it: without them 50 connections with 2,400 requests each took 350 MB.
 */
class DroppedRequest extends IncomingMessage {
  override push(): boolean {
    return true;
  }

  override destroy(): this {
    return this;
  }
}

class DroppedResponse extends ServerResponse {
  override on(): this {
    return this;
  }

  override writeContinue(): void {
    // There is nobody to write to.
  }

  override writeHead(): this {
    return this;
  }

  override end(): this {
    return this;
  }
}

const droppedRequest = new DroppedRequest(new Socket());
const droppedResponse = new DroppedResponse(droppedRequest);

class ServedRequest extends IncomingMessage {
  constructor(socket: Socket) {
    if (!socket.writable) return droppedRequest;
    super(socket);
  }
}

class ServedResponse extends ServerResponse {
  constructor(...parameters: ConstructorParameters<typeof ServerResponse>) {
    if (isDropped(parameters[0])) return droppedResponse;
    super(...parameters);
  }
}

/** Server options that drop whatever still arrives on a closed connection. */
export const CLOSED_CONNECTIONS = { IncomingMessage: ServedRequest, ServerResponse: ServedResponse };

/** Whether the connection was closed already, so that nobody is there to be answered. */
export function isDropped(request: IncomingMessage): boolean {
  return request === droppedRequest;
}
