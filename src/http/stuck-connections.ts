import { type Server } from 'node:http';
import { type Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

interface StuckConnectionLimits {
  readonly checkEveryMs: number;
  /** For the other side to close, too, once it has been sent everything and the connection was closed from here. */
  readonly lingerMs: number;
  /** For the other side to take the next piece of what waits to be sent; nothing is seen of a piece that is half taken. */
  readonly stalledMs: number;
}

const LIMITS: StuckConnectionLimits = { checkEveryMs: 1000, lingerMs: 2000, stalledMs: 30_000 };

interface Progress {
  /** Bytes that the system has taken. */
  sent: number;
  /** On the clock of `performance.now()`. */
  since: number;
}

/**
 * Destroys connections that wait for their other side for too long. Node's own time limits are for requests and for the
 * time between them: a peer that is silent after a last answer, or reads none, would keep its connection for ever. To be
 * called before the server listens.
 *
 * Answers may rest for longer where `isTimedElsewhere` says so.
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

  /** How long nothing may happen; undefined where nothing is waited for. */
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
