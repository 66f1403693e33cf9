import { type TlsTrouble } from '../cells-authority/index.js';
import { transportFailureOf } from '../cells-authority/internal.js';

/** How a request through the gateway ended. A closed set, fit for metric labels. */
export type GatewayOutcome =
  | 'passed'
  | 'malformed'
  | 'method_not_allowed'
  | 'unauthorized'
  | 'expectation_failed'
  | 'too_large'
  | 'too_many_waiting'
  | 'stopping'
  | 'connect_failed'
  | 'name_not_found'
  | TlsTrouble
  | 'proxy_unreachable'
  | 'proxy_auth'
  | 'proxy_refused'
  | 'connection_lost'
  | 'invalid_response'
  | 'connect_timeout'
  | 'timeout'
  | 'idle'
  | 'client_gone';

/** An answer of the gateway instead of the Cells API's. */
export interface GatewayFailure {
  readonly outcome: Exclude<GatewayOutcome, 'passed'>;
  readonly status: number;
  /** Error code, as in all error responses of this service. */
  readonly error: 'invalid_request' | 'invalid_token' | 'server_error' | 'temporarily_unavailable';
  readonly description: string;
  /** Error type of `Proxy-Status` (RFC 9209 §2.3). */
  readonly proxyError: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The methods that are passed on. */
export const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);

const RETRY_AFTER = { 'Retry-After': '1' };

export const MALFORMED_TARGET: GatewayFailure = {
  outcome: 'malformed',
  status: 400,
  error: 'invalid_request',
  description: 'The path cannot be sent on as it is spelled',
  proxyError: 'http_request_error',
};

export const METHOD_NOT_ALLOWED: GatewayFailure = {
  outcome: 'method_not_allowed',
  status: 405,
  error: 'invalid_request',
  description: 'The Cells API knows no such method',
  proxyError: 'http_request_error',
  headers: { Allow: [...METHODS].join(', ') },
};

export const NOT_A_BEARER: GatewayFailure = {
  outcome: 'unauthorized',
  status: 401,
  error: 'invalid_token',
  description: 'The Cells API takes one Bearer token and nothing else',
  proxyError: 'http_request_denied',
  headers: { 'WWW-Authenticate': 'Bearer' },
};

export const UNKNOWN_EXPECTATION: GatewayFailure = {
  outcome: 'expectation_failed',
  status: 417,
  error: 'invalid_request',
  description: 'Nothing but 100-continue can be expected',
  proxyError: 'http_request_error',
};

export const TOO_MANY_WAITING: GatewayFailure = {
  outcome: 'too_many_waiting',
  status: 503,
  error: 'temporarily_unavailable',
  description: 'Too many requests wait for the Cells API',
  proxyError: 'connection_limit_reached',
  headers: RETRY_AFTER,
};

export const STOPPING: GatewayFailure = {
  outcome: 'stopping',
  status: 503,
  error: 'temporarily_unavailable',
  description: 'The service is being restarted',
  proxyError: 'proxy_internal_response',
  headers: RETRY_AFTER,
};

const CONNECT_TIMEOUT: GatewayFailure = timeout(
  'connect_timeout',
  'connection_timeout',
  'The Cells API cannot be reached in time',
);
export const RESPONSE_TIMEOUT: GatewayFailure = timeout(
  'timeout',
  'http_response_timeout',
  'The Cells API did not answer in time',
);
export const INVALID_RESPONSE: GatewayFailure = badGateway(
  'invalid_response',
  'http_protocol_error',
  'The Cells API gave an answer that is no HTTP',
);
export const IDLE_TIMEOUT: GatewayFailure = timeout('idle', 'connection_read_timeout', 'Nothing moved for too long');

export function tooLarge(maxBodyMib: number): GatewayFailure {
  return {
    outcome: 'too_large',
    status: 413,
    error: 'invalid_request',
    description: `The body is larger than ${maxBodyMib} MiB`,
    proxyError: 'http_request_error',
  };
}

function timeout(outcome: GatewayFailure['outcome'], proxyError: string, description: string): GatewayFailure {
  return { outcome, status: 504, error: 'temporarily_unavailable', description, proxyError };
}

/** Classifies the failure of an upstream request. Only looks at the error's code, as the rest may quote the request. */
export function failureOf(error: unknown): GatewayFailure {
  const { kind, code } = transportFailureOf(error, false);
  switch (kind) {
    case 'connect_timeout':
      return CONNECT_TIMEOUT;
    case 'connect_failed':
      return unreachable(kind, code === 'ECONNREFUSED' ? 'connection_refused' : 'destination_ip_unroutable');
    case 'name_not_found':
      return unreachable(kind, 'dns_error');
    case 'certificate_expired':
    case 'certificate_untrusted':
    case 'certificate_wrong_host':
    case 'tls_failed':
      return badGateway(kind, 'tls_certificate_error', 'The Cells API has no valid certificate');
    case 'proxy_unreachable':
    case 'proxy_auth':
    case 'proxy_refused':
      return badGateway(kind, 'destination_unavailable', 'The proxy does not connect to the Cells API');
    case 'invalid_response':
      return INVALID_RESPONSE;
    default:
      return badGateway('connection_lost', 'connection_terminated', 'The Cells API broke the connection');
  }
}

function unreachable(outcome: GatewayFailure['outcome'], proxyError: string): GatewayFailure {
  return badGateway(outcome, proxyError, 'The Cells API cannot be reached');
}

function badGateway(outcome: GatewayFailure['outcome'], proxyError: string, description: string): GatewayFailure {
  return { outcome, status: 502, error: 'server_error', description, proxyError };
}
