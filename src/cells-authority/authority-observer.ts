import { type CredentialForm } from './client-credentials/client-credentials.js';
import { type TokenPath } from './token-paths.js';
import { type TlsTrouble } from './verified-tls.js';

/** The outcome of an upstream request. A closed set, fit for metric labels. */
export type UpstreamOutcome =
  | 'token'
  | 'refused'
  | 'throttled'
  | 'upstream_error'
  | 'invalid_response'
  | 'redirected'
  | 'connect_failed'
  | 'name_not_found'
  | 'connect_timeout'
  | 'timeout'
  | TlsTrouble
  | 'connection_lost'
  | 'proxy_unreachable'
  | 'proxy_auth'
  | 'proxy_refused';

/** Where the token of an answer came from. A closed set, fit for metric labels. */
export type TokenSource = 'kept' | 'fetched' | 'shared_flight' | 'shared_store' | 'fallback';

/** What was done with the shared store. A closed set, fit for metric labels. */
export type SharedStoreOperation = 'connection' | 'read' | 'write' | 'delete' | 'lock' | 'count';

/**
 * The outcome. A closed set, fit for metric labels. `no_answer`: none in time; `refused`: the store answered with an
 * error, because it is full or read-only, say; `bypassed`: not tried, because the store has just failed;
 * `other_secret`: instances with another `tokenCacheSecret` use the same store.
 */
export type SharedStoreOutcome =
  | 'available'
  | 'unavailable'
  | 'hit'
  | 'miss'
  | 'tampered'
  | 'acquired'
  | 'taken'
  | 'done'
  | 'refused'
  | 'no_answer'
  | 'bypassed'
  | 'other_secret';

/**
 * Why the shared store cannot be used. A closed set, fit for metric labels. `password`: refused or missing;
 * `permission`: the user lacks a permission; `database`: there is no database of that number; `hung_up`: it closed the
 * connection before its first answer, because it expects TLS or a client certificate; `no_answer`: connected, but no
 * answer in time; `tls_failed`: no TLS connection, say because the other side does not speak TLS.
 */
export const SHARED_STORE_TROUBLES = [
  'unreachable',
  'no_answer',
  'password',
  'permission',
  'database',
  'hung_up',
  'certificate_expired',
  'certificate_untrusted',
  'certificate_wrong_host',
  'tls_failed',
] as const;

/** One of {@link SHARED_STORE_TROUBLES}. */
export type SharedStoreTrouble = (typeof SHARED_STORE_TROUBLES)[number];

/** Error codes (RFC 6749 §5.2) that are distinguished; an authorization server may make up others. */
export const TOKEN_ERROR_CODES = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
  'server_error',
  'temporarily_unavailable',
] as const;

/** The outcome of a token request over HTTP; `throttled`: any status 429. A closed set, fit for metric labels. */
export type TokenRequestOutcome = 'token' | 'throttled' | 'other_error' | (typeof TOKEN_ERROR_CODES)[number];

/** What the library reports to its host. No event contains a secret, a token or a raw client id. */
export type AuthorityEvent =
  | {
      /** A token request that came over HTTP has been answered. */
      readonly type: 'token_request';
      /** Without the host's prefix and without a leading slash. */
      readonly path: TokenPath;
      readonly credentialForm: CredentialForm | 'none';
      readonly outcome: TokenRequestOutcome;
      /** HTTP status of the answer. */
      readonly status: number;
      readonly durationMs: number;
      /** Keyed fingerprint of the client id; absent if a token was sent, or if not exactly one client was named. */
      readonly client: string | undefined;
      /** Fastify's request id; absent on Express. */
      readonly requestId: string | undefined;
    }
  | { readonly type: 'token_served'; readonly source: TokenSource }
  | {
      readonly type: 'upstream_request';
      readonly outcome: UpstreamOutcome;
      readonly durationMs: number;
      /** HTTP status of the authorization server's answer, when there was one. */
      readonly status: number | undefined;
      /** Whether the request was sent again on a new connection. */
      readonly retried: boolean;
      /** Keyed fingerprint of the client id. */
      readonly client: string;
    }
  | { readonly type: 'refresh'; readonly outcome: 'renewed' | 'failed' }
  | {
      readonly type: 'held';
      /** Why the pair is held: it was refused, or the authorization server throttled it. */
      readonly reason: 'refused' | 'throttled';
      readonly seconds: number;
      readonly client: string;
    }
  | { readonly type: 'answered_from_hold'; readonly reason: 'refused' | 'throttled'; readonly client: string }
  | {
      readonly type: 'guessing_slowed';
      readonly scope: 'address' | 'address_and_client';
      readonly seconds: number;
      readonly client: string;
      /** The network that is slowed: an IPv4 address, or an IPv6 /64 or /48. */
      readonly network: string;
    }
  | {
      readonly type: 'not_forwarded';
      /** `waited_too_long`: no connection was free while there was enough time left to use it. */
      readonly reason: 'circuit_open' | 'too_many_waiting' | 'waited_too_long';
    }
  | { readonly type: 'circuit'; readonly state: 'open' | 'half_open' | 'closed' }
  | {
      readonly type: 'shared_store';
      readonly operation: SharedStoreOperation;
      readonly outcome: SharedStoreOutcome;
      /** Why it is unavailable; absent with other outcomes. */
      readonly reason?: SharedStoreTrouble;
    }
  | {
      /** A command that a request waited for was answered, or timed out. */
      readonly type: 'shared_store_answer';
      readonly durationMs: number;
    }
  | { readonly type: 'evicted' };

/** Receives all events. Called synchronously, so it should be quick. Its failures do not affect requests. */
export type AuthorityObserver = (event: AuthorityEvent) => void;
