import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems give to outgoing connections, one of which could otherwise take it at any time. */
const PORTS = [10_000, 32_768] as const;

/** Each of jest's workers has its own ports, so that none takes a port that another is about to use. */
const MOST_WORKERS = 16;
const WORKER = Number(process.env.JEST_WORKER_ID ?? 0) % MOST_WORKERS;

const given = new Set<number>();

/** A loopback port that was free a moment ago and has no listener: connections to it are refused. */
export async function closedPort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS[0] / MOST_WORKERS, PORTS[1] / MOST_WORKERS) * MOST_WORKERS + WORKER;
    if (given.has(port)) continue;
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue;
    }
    given.add(port);
    server.close();
    await once(server, 'close');
    return port;
  }
}
