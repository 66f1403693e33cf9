import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const MAX_QUEUED = 16;
/** A dropped SYN is sent again after 1 s, so an address that is silent for longer is a black hole. */
const SILENCE_MS = 500;

/** Listens with the shortest possible queue, then blocks its thread for good, so that nothing is ever accepted. */
const LISTEN_AND_BLOCK = `
  const { createServer } = require('node:net');
  const { parentPort } = require('node:worker_threads');
  const server = createServer();
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

export interface BlackHole {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * A loopback port that swallows connection attempts: no answer, no refusal. The queue of a listener that never accepts
 * is filled, and from then on the kernel drops every SYN.
 */
export async function startBlackHole(): Promise<BlackHole> {
  const listener = new Worker(LISTEN_AND_BLOCK, { eval: true });
  const [port] = (await once(listener, 'message')) as [number];

  const queued: Socket[] = [];
  const close = async () => {
    for (const socket of queued) socket.destroy();
    await listener.terminate();
  };
  while (queued.length < MAX_QUEUED) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    queued.push(socket);
    const connected = await Promise.race([once(socket, 'connect').then(() => true), delay(SILENCE_MS, false)]);
    if (!connected) return { port, close };
  }
  await close();
  throw new Error(`this system let ${MAX_QUEUED} connections into a queue of 1, so it cannot make a black hole`);
}
