import { OAuthError } from './oauth-error.js';

/** The request is malformed (RFC 6749 §5.2). */
export function invalidRequest(description: string, status = 400): OAuthError {
  return new OAuthError({ error: 'invalid_request', status, description });
}

/** Only client_credentials is supported here (RFC 6749 §5.2). */
export function unsupportedGrantType(): OAuthError {
  return new OAuthError({
    error: 'unsupported_grant_type',
    status: 400,
    description: 'Only grant_type client_credentials is supported',
  });
}

/** Another method than POST on a token path (RFC 9110 §15.5.6). */
export function methodNotAllowed(): OAuthError {
  return new OAuthError({
    error: 'invalid_request',
    status: 405,
    description: 'Only POST is allowed here',
    headers: { Allow: 'POST' },
  });
}

/** The authorization server cannot be reached or does not speak OAuth; with status 500, something failed here. */
export function serverError(description: string, status = 502): OAuthError {
  return new OAuthError({ error: 'server_error', status, description });
}

/** The authorization server did not answer in time. */
export function gatewayTimeout(description: string): OAuthError {
  return new OAuthError({ error: 'temporarily_unavailable', status: 504, description });
}

/** The authorization server is failing, or too many requests are waiting for it. */
export function temporarilyUnavailable(description: string, retryAfter: number): OAuthError {
  return new OAuthError({ error: 'temporarily_unavailable', status: 503, description, retryAfter });
}

/** Too many requests for the authorization server, or for the guess limits here (RFC 6585 §4). */
export function tooManyRequests(description: string, retryAfter: number): OAuthError {
  return new OAuthError({ error: 'temporarily_unavailable', status: 429, description, retryAfter });
}

/** Turns the refusal of a client that used HTTP Basic into a 401 (RFC 6749 §5.2). Other errors are left unchanged. */
export function invalidClientForBasic(error: OAuthError): OAuthError {
  if (error.error !== 'invalid_client') return error;
  return error.with({ status: 401, headers: { 'WWW-Authenticate': 'Basic realm="Aspose.Cells Cloud"' } });
}
