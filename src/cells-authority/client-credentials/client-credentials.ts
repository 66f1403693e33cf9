/** Characters of a client id, a client secret or a scope. */
export const MAX_CREDENTIAL_LENGTH = 512;

/** The characters allowed in them (RFC 6749 Appendix A). */
export const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** Whether a text can be a client id or a client secret. */
export function isCredential(text: string): boolean {
  return text !== '' && text.length <= MAX_CREDENTIAL_LENGTH && PRINTABLE_ASCII.test(text);
}

/** What a client identifies itself with (RFC 6749 §2.3.1). */
export interface ClientCredentials {
  /** Client ID: 1..512 printable ASCII characters. */
  readonly clientId: string;
  /** Client Secret: 1..512 printable ASCII characters. */
  readonly clientSecret: string;
}

/** How the client credentials arrived. */
export type CredentialForm = 'query' | 'form' | 'basic' | 'json';

/** What the client asked for with `Cache-Control` (RFC 9111 §5.2.1). */
export interface FreshnessWish {
  /** `no-cache`: fetch a new token, whatever is kept. */
  readonly forceRefresh: boolean;
  /** `min-fresh`: seconds of life that the token must have left. */
  readonly minFresh: number;
}

/** A token request as a client sent it over HTTP, read but not yet validated. */
export interface TokenRequest {
  readonly credentials: ClientCredentials;
  /** Space-separated scope tokens (RFC 6749 §3.3); absent when the client named none. */
  readonly scope: string | undefined;
  readonly wish: FreshnessWish;
  /** Failures count against this address; absent for calls from within the application. */
  readonly clientAddress: string | undefined;
}
