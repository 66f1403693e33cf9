/** The texts of the OpenAPI document about `PostAccessToken`, by name, for hosts that translate them. */
export const OPERATION_TEXTS = {
  tag: 'Access tokens',
  summary: 'Get an access token',
  operation:
    'Gets an access token of Aspose Cloud for a Client ID and a Client Secret. The operation acts as a proxy: it ' +
    'forwards the request to the Aspose Cloud authentication server and returns the token securely. Valid tokens ' +
    'are reused. Send the credentials in one way only: in the body (recommended), with HTTP Basic ("Authorize") ' +
    'or, as published, in the query. Servers and proxies log URLs, and browsers keep them in their history, so ' +
    'use the query only where you have to.',
  queryClientId: 'The Client ID, as published. Prefer the body.',
  queryClientSecret:
    'The Client Secret, as published. Prefer the body: URLs are logged and kept in histories, and the secret with ' +
    'them.',
  grantType: 'The grant type: client_credentials, which is also the default.',
  clientId: 'The Client ID of your application, from the Aspose Cloud dashboard. Leave it out with HTTP Basic.',
  clientSecret: 'The Client Secret of your application. Leave it out with HTTP Basic.',
  scope: 'Scopes separated by spaces, forwarded to the authorization server.',
  accessToken: 'The access token. Send it as "Authorization: Bearer <token>" with every call of the Cells API.',
  tokenType: 'How to use the token. Aspose Cloud issues bearer tokens.',
  expiresIn: 'The seconds for which the token remains valid, counted from this response.',
  errorCode: 'The OAuth error code.',
  errorDescription: 'What went wrong.',
  errorMessage:
    'The description again, for SDKs that show nothing else. Errors of the authorization server do not have it.',
  retryAfter: 'The number of seconds to wait before you try again.',
  ok: 'The token response of the authorization server.',
  badRequest: 'The request is malformed, or its credentials were refused.',
  unauthorized: 'The credentials in the Authorization header were refused.',
  forbidden: 'A page of another origin asks, and may not.',
  requestTimeout: 'The body did not arrive within 10 seconds.',
  payloadTooLarge: 'The body is larger than 16 KiB.',
  unsupportedMediaType: 'The body has a Content-Encoding.',
  tooManyRequests: 'Too many failed attempts for these credentials or from this client.',
  headersTooLarge: 'The URL and headers are larger than 16 KiB.',
  badGateway: 'The authorization server gave no usable response.',
  serviceUnavailable: 'The authorization server is failing, or too many requests are waiting for it.',
  gatewayTimeout: 'The authorization server did not answer in time.',
} as const;
