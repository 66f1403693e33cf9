import { type CredentialForm } from './client-credentials/client-credentials.js';
import { type TokenPath } from './token-paths.js';
import { type TlsTrouble } from './verified-tls.js';

/** What an upstream request came to. A closed set, fit for metric labels. */
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

/** What was done with the store that instances share. A closed set, fit for metric labels. */
export type SharedStoreOperation = 'connection' | 'read' | 'write' | 'delete' | 'lock' | 'count';

/**
 * What it came to. A closed set, fit for metric labels. `no_answer`: none in time; `refused`: the store answered with an
 * error, being full or read-only, say; `bypassed`: not tried, because of the store's failures before; `other_secret`:
 * instances with another `tokenCacheSecret` use the same store.
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
 * Why the shared store cannot be used. A closed set, fit for metric labels. `password`: refused or missing; `permission`:
 * the user may not do what is needed; `database`: there is none of that number; `hung_up`: it closed the
 * connection before its first answer, because it expects TLS or a certificate of the client; `no_answer`: connected, and no answer in time; `tls_failed`: no TLS came about, say because the
 * other side speaks none.
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

/** Error codes (RFC 6749 §5.2) that are told apart; an authorization server may make up others. */
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

/** What a token request over HTTP came to; `throttled` is any answer with status 429. A closed set, fit for metric labels. */
export type TokenRequestOutcome = 'token' | 'throttled' | 'other_error' | (typeof TOKEN_ERROR_CODES)[number];

/** What the library tells its host. None of the events holds a secret, a token or a raw client id. */
export type AuthorityEvent =
  | {
      /** A token request that came over HTTP has been answered. */
      readonly type: 'token_request';
      /** Without the host's prefix and the slash ahead of it. */
      readonly path: TokenPath;
      readonly credentialForm: CredentialForm | 'none';
      readonly outcome: TokenRequestOutcome;
      /** HTTP status of the answer. */
      readonly status: number;
      readonly durationMs: number;
      /** Keyed fingerprint of the client id; absent where a token was sent, or where no one client was named. */
      readonly client: string | undefined;
      /** What Fastify calls the request; absent on Express. */
      readonly requestId: string | undefined;
    }
  | { readonly type: 'token_served'; readonly source: TokenSource }
  | {
      readonly type: 'upstream_request';
      readonly outcome: UpstreamOutcome;
      readonly durationMs: number;
      /** HTTP status of the authorization server's answer, when there was one. */
      readonly status: number | undefined;
      /** Whether a second try was made on a new connection. */
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
      /** `waited_too_long`: no connection was free while there was time enough left to use it. */
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
      /** A command that somebody waited for was answered, or its time was over. */
      readonly type: 'shared_store_answer';
      readonly durationMs: number;
    }
  | { readonly type: 'evicted' };

/** Is told what happens. Called synchronously, so it should be quick; if it fails, requests go on as if it had not. */
export type AuthorityObserver = (event: AuthorityEvent) => void;
