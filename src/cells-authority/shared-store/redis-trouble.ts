import { type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type SharedStoreTrouble } from '../authority-observer.js';
import { tlsTroubleOf } from '../verified-tls.js';

const CLIENT_CERTIFICATE = /ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA)$/;

/** Redis' error replies. */
const REPLIES: readonly (readonly [RegExp, SharedStoreTrouble])[] = [
  [/^(?:NOAUTH|WRONGPASS)\b|invalid password/i, 'password'],
  [/^NOPERM\b/, 'permission'],
  [/DB index is out of range|invalid DB index/i, 'database'],
  [/^(?:LOADING|MASTERDOWN|CLUSTERDOWN)\b/, 'no_answer'],
];

/** Why there is no connection, by the error's code or the text of Redis' reply, of which nothing is kept. */
export function redisTroubleOf(error: unknown): SharedStoreTrouble | undefined {
  if (!isFailure(error)) return undefined;
  // A Cluster client's error when no node could be reached.
  if (error.lastNodeError !== undefined) return redisTroubleOf(error.lastNodeError);
  const code = String(error.code);
  if (CLIENT_CERTIFICATE.test(code)) return 'hung_up';
  const tls = tlsTroubleOf(code);
  if (tls !== undefined) return tls;
  if (error.name === 'ReplyError') return REPLIES.find(([words]) => words.test(String(error.message)))?.[1];
  // The other end does not speak Redis; most likely it speaks TLS.
  return error.name === 'ParserError' ? 'tls_failed' : undefined;
}

interface Failure {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly lastNodeError?: unknown;
}

function isFailure(error: unknown): error is Failure {
  return typeof error === 'object' && error !== null;
}

/** Watches the TLS handshakes with one Redis. ioredis cannot tell a stuck handshake from any other slow connection. */
export class Handshakes {
  /** Whether the latest socket is connected but its TLS handshake has not finished. */
  stuck = false;

  watch(socket: Socket): void {
    this.stuck = false;
    if (!(socket instanceof TLSSocket)) return;
    socket.once('connect', () => {
      this.stuck = true;
    });
    socket.once('secureConnect', () => {
      this.stuck = false;
    });
  }
}
