import { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { isDropped } from './closed-connections.js';

/** Requests that may wait on one connection for the answer to those before them; who sends more is cut off. */
const MAX_WAITING_PER_CONNECTION = 32;
/** The same for all connections together: a request that waits takes some 4 KiB. */
const MAX_WAITING = 1024;

interface Line {
  length: number;
}

/**
 * Answers the requests of one connection one after the other. Node hands over pipelined requests as soon as it has parsed
 * them, a thousand for each 64 KiB that it reads, and keeps their answers until it is their turn: a client that does not
 * wait for answers could make the process hold any number of them.
 */
export function oneAtATime(answer: RequestListener): RequestListener {
  const lines = new WeakMap<Socket, Line>();
  let waiting = 0;

  function openLine(socket: Socket): Line {
    const line = { length: 0 };
    lines.set(socket, line);
    // Node resumes reading at the end of each request that it has parsed.
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
    // A response gets its socket when those before it have been sent.
    if (response.socket === null) wait(request, response);
    else answer(request, response);
  };
}
