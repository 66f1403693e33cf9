import { type Socket } from 'node:net';

/** Far more than a client should read, but limited in case the client reads on for ever. */
const FLOOD_BYTES = 64 * 1024 * 1024;

/** Sends a block over and over, as fast as the other side accepts it. */
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
