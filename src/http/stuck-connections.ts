import { type Server } from 'node:http';
import { type Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

interface StuckConnectionLimits {
  readonly checkEveryMs: number;
  /** How long the other side may take to close, after everything was sent and this side has closed. */
  readonly lingerMs: number;
  /** How long the other side may take to accept the next piece of data. A piece taken in part does not count. */
  readonly stalledMs: number;
}

const LIMITS: StuckConnectionLimits = { checkEveryMs: 1000, lingerMs: 2000, stalledMs: 30_000 };

interface Progress {
  /** Bytes that the operating system has accepted. */
  sent: number;
  /** By `performance.now()`. */
  since: number;
}

/**
 * Destroys connections that wait too long for the other side. Node's own time limits only cover requests and the pauses
 * between them: a client that is silent after its last answer, or does not read answers, would keep its connection for
 * ever. Must be called before the server listens.
 *
 * Unsent answers have no limit here if `isTimedElsewhere` says so.
 */
export function destroyStuckConnections(
  server: Server,
  isTimedElsewhere: (socket: Socket) => boolean,
  limits = LIMITS,
): void {
  const open = new Map<Socket, Progress>();
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    open.set(socket, { sent: 0, since: 0 });
    socket.once('close', () => open.delete(socket));
  });

  /** How long nothing may happen; `undefined` when nothing is expected. */
  function allowedRest(socket: Socket): number | undefined {
    if (socket.writableFinished) return limits.lingerMs;
    return socket.writableLength === 0 || isTimedElsewhere(socket) ? undefined : limits.stalledMs;
  }

  const timer = setInterval(() => {
    const now = performance.now();
    for (const [socket, progress] of open) if (isStuck(socket, progress, now, allowedRest(socket))) socket.destroy();
  }, limits.checkEveryMs).unref();
  server.once('close', () => {
    clearInterval(timer);
  });
}

function isStuck(socket: Socket, progress: Progress, now: number, allowedMs: number | undefined): boolean {
  const sent = socket.bytesWritten - socket.writableLength;
  if (allowedMs === undefined || sent !== progress.sent) {
    progress.sent = sent;
    progress.since = now;
    return false;
  }
  return now - progress.since > allowedMs;
}
