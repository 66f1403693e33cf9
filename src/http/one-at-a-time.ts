import { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { isDropped } from './closed-connections.js';

/** Pipelined requests that may wait on one connection; with more the connection is cut off. */
const MAX_WAITING_PER_CONNECTION = 32;
/** The same for all connections together. A waiting request takes about 4 KiB. */
const MAX_WAITING = 1024;

interface Line {
  length: number;
}

/**
 * Answers the requests on a connection one after the other. Node passes on pipelined requests as soon as they are
 * parsed, a thousand in each 64 KiB that it reads, and keeps their answers until it is their turn. A client that does
 * not wait for answers could otherwise make the process keep any number of them.
 */
export function oneAtATime(answer: RequestListener): RequestListener {
  const lines = new WeakMap<Socket, Line>();
  let waiting = 0;

  function openLine(socket: Socket): Line {
    const line = { length: 0 };
    lines.set(socket, line);
    // Node resumes reading after each parsed request.
    socket.on('resume', () => {
      if (line.length > 0) socket.pause();
    });
    socket.once('close', () => {
      waiting -= line.length;
      line.length = 0;
    });
    return line;
  }

  function wait(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const line = lines.get(socket) ?? openLine(socket);
    if (line.length === MAX_WAITING_PER_CONNECTION || waiting === MAX_WAITING) {
      socket.destroy();
      return;
    }
    line.length += 1;
    waiting += 1;
    socket.pause();
    response.once('socket', () => {
      line.length -= 1;
      waiting -= 1;
      answer(request, response);
      if (line.length === 0) socket.resume();
    });
  }

  return (request, response) => {
    if (isDropped(request)) return;
    // A response has no socket until the ones before it have been sent.
    if (response.socket === null) wait(request, response);
    else answer(request, response);
  };
}
