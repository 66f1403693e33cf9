import { type Socket } from 'node:net';

/** Far past anything a client should read, and still an end, should the client read on for ever. */
const FLOOD_BYTES = 64 * 1024 * 1024;

/** Sends a block over and over, as fast as it is taken. */
export function flood(socket: Socket, block: Buffer): void {
  let sent = 0;
  const pump = () => {
    while (socket.writable && sent < FLOOD_BYTES) {
      sent += block.length;
      if (!socket.write(block)) return;
    }
    socket.end();
  };
  socket.on('drain', pump);
  pump();
}
