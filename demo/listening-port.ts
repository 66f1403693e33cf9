import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** Why the demo cannot start, in words for its user. */
export class DemoError extends Error {}

/**
 * The port for the service: the requested one if it is free, or any free one for 0. Checked before the service starts,
 * because otherwise another program's answer on that port might be taken for the service's.
 */
export async function listeningPort(asked: string): Promise<number> {
  const port = Number(asked);
  if (!/^\d+$/.test(asked) || port > 65_535)
    throw new DemoError(`PORT is "${asked}", and must be a number from 0 to 65535.`);

  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'is taken' : `cannot be listened on (${String(code)})`;
    throw new DemoError(`Port ${asked} ${reason}. Try another: PORT=3001 npm run demo`);
  }
  const listening = (server.address() as AddressInfo).port;
  server.close();
  await once(server, 'close');
  return listening;
}
