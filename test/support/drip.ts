import { type Socket } from 'node:net';

/** Sends one byte at a time as long as the socket is open. */
export function drip(socket: Socket, bytes: Iterable<number>, everyMs = 1_000): void {
  const source = bytes[Symbol.iterator]();
  const timer = setInterval(() => {
    const next = source.next();
    if (next.done) clearInterval(timer);
    else socket.write(Buffer.of(next.value));
  }, everyMs);
  socket.once('close', () => {
    clearInterval(timer);
  });
}
