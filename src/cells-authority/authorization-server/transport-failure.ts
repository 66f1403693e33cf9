import { type UpstreamOutcome } from '../authority-observer.js';
import { type TlsTrouble, tlsTroubleOf } from '../verified-tls.js';

/** How a request can end without a complete answer. */
export type FailureKind = Extract<
  UpstreamOutcome,
  | 'connect_failed'
  | 'name_not_found'
  | 'connect_timeout'
  | 'timeout'
  | TlsTrouble
  | 'connection_lost'
  | 'proxy_unreachable'
  | 'proxy_auth'
  | 'proxy_refused'
  | 'invalid_response'
>;

/**
 * No complete answer from the authorization server. Never wraps the error of the layer below, because that may contain
 * the request and with it the secret.
 */
export class TransportFailure extends Error {
  constructor(
    readonly kind: FailureKind,
    /** Whether the authorization server cannot have seen the request, so that sending it again is safe. */
    readonly unseen: boolean,
    /** The failure's code in Node's or undici's own terms, such as ECONNREFUSED. */
    readonly code: string,
  ) {
    super(`${kind} (${code})`);
    this.name = 'TransportFailure';
  }
}

const NAME_FAILURES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME']);
const CONNECT_FAILURES = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);
const PROTOCOL_CODE = /^(?:HPE_|ERR_(?:HTTP_|INVALID_)|UND_ERR_(?:RES_|RESPONSE|HEADERS_OVERFLOW))/;

/** Classifies a failure of the layer below by nothing but its code. */
export function transportFailureOf(error: unknown, sawNothing: boolean): TransportFailure {
  if (error instanceof TransportFailure) return error;
  const code = codeOf(error);
  if (NAME_FAILURES.has(code)) return new TransportFailure('name_not_found', true, code);
  if (CONNECT_FAILURES.has(code)) return new TransportFailure('connect_failed', true, code);
  const trouble = tlsTroubleOf(code);
  if (trouble !== undefined) return new TransportFailure(trouble, false, code);
  if (PROTOCOL_CODE.test(code)) return new TransportFailure('invalid_response', false, code);
  return new TransportFailure('connection_lost', sawNothing, code);
}

function codeOf(error: unknown): string {
  // Happy Eyeballs wraps the errors of all addresses in one.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return 'UNKNOWN';
}
