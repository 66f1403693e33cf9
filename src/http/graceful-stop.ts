import { once } from 'node:events';
import { type Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { composeErrorResponse, TOKEN_REPLY_HEADERS } from '../cells-authority/internal.js';
import { type Stopping } from './stopping.module.js';

/** What has to be stopped. */
export interface Stoppable {
  readonly server: Server;
  readonly stopping: Stopping;
  /** Ends the gateway's transfers: those without an answer yet get one; those cut off do not look complete. */
  endTransfers(): void;
  /** Closes everything else, once no connection is left. */
  close(): Promise<void>;
}

/** The largest part of the grace period that load balancers get to notice. */
const NOTICE_SHARE = 0.5;
/** In a turn of the event loop this short, hardly any connection can come in. */
const SHORT_TURN_MS = 0.2;
/** Against clients that connect faster than they can be accepted. */
const LAST_ACCEPTED_MS = 1000;
/** A request on a connection that was opened at the last moment is still on its way. */
const LAST_REQUEST_MS = 500;
/** The part of the grace period after which clients still waiting for an answer are told to try again. */
const LAST_CALL_SHARE = 0.9;
/** The part after which nothing is waited for. */
const END_SHARE = 0.97;

/**
 * Stops without losing a request. At first only readiness fails: everything is still served, with `Connection: close`
 * on each answer. Then idle connections are closed and no new ones accepted. The stop is over as soon as all open
 * requests and transfers have ended. Those that outlast the grace period get a 503 that says when to try again.
 */
export class GracefulStop {
  readonly #sockets = new Set<Socket>();

  /** Must be created before the server listens, because open connections cannot be listed afterwards. */
  constructor(private readonly service: Stoppable) {
    service.server.on(service.server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Resolves when everything has ended, within `graceMs`. During the notice only readiness changes. */
  async stop(graceMs: number, notice: number): Promise<void> {
    const { server, stopping } = this.service;
    const started = performance.now();
    /** Milliseconds until so much of the grace period has passed. */
    const msUntil = (share: number) => Math.max(0, started + graceMs * share - performance.now());
    stopping.begin();
    server.prependListener('request', (_request, response: ServerResponse) => {
      response.shouldKeepAlive = false;
    });
    for (const response of this.#underWay()) response.shouldKeepAlive = false;
    await delay(Math.min(graceMs * NOTICE_SHARE, notice));
    await this.#acceptWaiting(Math.min(LAST_ACCEPTED_MS, msUntil(LAST_CALL_SHARE)));
    const closed = this.#close();
    const lastCall = setTimeout(() => {
      this.#lastCall();
    }, msUntil(LAST_CALL_SHARE));
    const outOfTime = delay(msUntil(END_SHARE), undefined, { ref: false });
    const idle = setTimeout(() => {
      void this.#closeIdle();
    }, LAST_REQUEST_MS);
    await Promise.race([closed, outOfTime]);
    clearTimeout(lastCall);
    clearTimeout(idle);
  }

  /**
   * Accepts the connections that the system has made and Node has not taken over yet, one a turn of the event loop: the
   * system resets them when nobody listens any more. Ends with a turn so short that hardly any can have come since.
   */
  async #acceptWaiting(atMostMs: number): Promise<void> {
    const { server } = this.service;
    let accepted = 0;
    const count = () => (accepted += 1);
    server.on('connection', count);
    const until = performance.now() + atMostMs;
    let begun: number;
    do {
      accepted = 0;
      begun = performance.now();
      await nextTurn();
    } while ((accepted > 0 || performance.now() - begun > SHORT_TURN_MS) && begun < until);
    server.off('connection', count);
  }

  /**
   * Stops listening at once. `server.close()` would also close idle connections and, since Node 26, those whose first
   * request has not arrived; and it would let half-sent requests take as long as they like.
   */
  async #close(): Promise<void> {
    const { server } = this.service;
    const closed = once(server, 'close');
    NetServer.prototype.close.call(server);
    await closed;
    await this.service.close();
  }

  /** What a busy process has not read yet is read first. */
  async #closeIdle(): Promise<void> {
    await nextTurn();
    this.service.server.closeIdleConnections();
    // Before Node 26, those that have not sent anything do not count as idle.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.end();
  }

  #lastCall(): void {
    this.service.endTransfers();
    for (const response of this.#underWay()) {
      if (!response.headersSent) answerUnavailable(response);
    }
    for (const socket of this.#sockets) socket.destroySoon();
  }

  #underWay(): ServerResponse[] {
    return [...this.#sockets].flatMap((socket) => responseOf(socket) ?? []);
  }
}

/** The response being sent on a connection, for which Node has no public API. */
function responseOf(socket: Socket): ServerResponse | undefined {
  const message: unknown = '_httpMessage' in socket ? socket._httpMessage : undefined;
  return message instanceof ServerResponse ? message : undefined;
}

function answerUnavailable(response: ServerResponse): void {
  const body = composeErrorResponse('temporarily_unavailable', 'The service is being restarted');
  response.writeHead(503, { ...TOKEN_REPLY_HEADERS, 'Retry-After': '1', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Ends the process on a signal: gracefully, with exit code 0. A second signal ends it at once. */
export async function stopOnSignal(stop: (signal: (typeof SIGNALS)[number]) => Promise<void>): Promise<void> {
  const first = await Promise.race(SIGNALS.map((signal) => once(process, signal).then(() => signal)));
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      process.exit(1);
    });
  }
  try {
    await stop(first);
    process.exit(0);
  } catch {
    process.exit(1);
  }
}
