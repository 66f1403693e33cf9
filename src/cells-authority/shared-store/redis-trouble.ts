import { type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type SharedStoreTrouble } from '../authority-observer.js';
import { tlsTroubleOf } from '../verified-tls.js';

const CLIENT_CERTIFICATE = /ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA)$/;

/** What Redis' own error replies begin with, or say. */
const REPLIES: readonly (readonly [RegExp, SharedStoreTrouble])[] = [
  [/^(?:NOAUTH|WRONGPASS)\b|invalid password/i, 'password'],
  [/^NOPERM\b/, 'permission'],
  [/DB index is out of range|invalid DB index/i, 'database'],
  [/^(?:LOADING|MASTERDOWN|CLUSTERDOWN)\b/, 'no_answer'],
];

/** Names the reason why there is no connection by the error's code or by how Redis' reply begins. Nothing of it is kept. */
export function redisTroubleOf(error: unknown): SharedStoreTrouble | undefined {
  if (!isFailure(error)) return undefined;
  // What a Cluster says when none of its nodes could be reached.
  if (error.lastNodeError !== undefined) return redisTroubleOf(error.lastNodeError);
  const code = String(error.code);
  if (CLIENT_CERTIFICATE.test(code)) return 'hung_up';
  const tls = tlsTroubleOf(code);
  if (tls !== undefined) return tls;
  if (error.name === 'ReplyError') return REPLIES.find(([words]) => words.test(String(error.message)))?.[1];
  // The bytes that came are no reply of Redis: TLS, most likely.
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

/** How the TLS handshakes with one Redis go; ioredis tells of one that hangs as of any other slow connection. */
export class Handshakes {
  /** Whether the latest socket has reached somebody, and no TLS came about. */
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
