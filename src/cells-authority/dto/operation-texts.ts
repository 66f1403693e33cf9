/** What the OpenAPI document says about `PostAccessToken`, each text under a name, for hosts that translate it. */
export const OPERATION_TEXTS = {
  tag: 'Access tokens',
  summary: 'Get an access token',
  operation:
    'Exchanges a Client ID and a Client Secret for an access token of Aspose Cloud. Send them in the body, or with ' +
    'HTTP Basic ("Authorize"), or, as originally published, in the query: URLs end up in the logs of every server and ' +
    'proxy on the way, and in histories, so the query is for compatibility. Use one way only.',
  queryClientId: 'The Client ID, as originally published. Better sent in the body.',
  queryClientSecret:
    'The Client Secret, as originally published. Better sent in the body: URLs are logged and kept in histories, and ' +
    'the secret with them.',
  grantType: 'The grant type. Absent or empty means client_credentials.',
  clientId: 'The Client ID of your application, from the Aspose Cloud dashboard. Left out with HTTP Basic.',
  clientSecret: 'The Client Secret of your application. Left out with HTTP Basic.',
  scope: 'Space-separated scopes, forwarded to the authorization server.',
  accessToken: 'The access token. Send it as "Authorization: Bearer <token>" with every call of the Cells API.',
  tokenType: 'How the token is used; Aspose Cloud issues bearer tokens.',
  expiresIn: 'Seconds that the token remains valid, counted from this answer.',
  errorCode: 'The error code.',
  errorDescription: 'What went wrong, for people.',
  errorMessage: 'The description once more: some SDKs show nothing else. Absent from errors relayed from upstream.',
  retryAfter: 'Seconds after which another try makes sense.',
  ok: 'The token response of the authorization server.',
  badRequest: 'The request is malformed, or its credentials were refused.',
  unauthorized: 'The credentials of the Authorization header were refused.',
  payloadTooLarge: 'The body is larger than 16 KiB.',
  unsupportedMediaType: 'The body has a Content-Encoding.',
  tooManyRequests: 'The credentials, or whoever guesses them, are slowed down.',
  badGateway: 'The authorization server gave no usable answer.',
  serviceUnavailable: 'The authorization server is failing, or too many requests wait for it.',
  gatewayTimeout: 'The authorization server did not answer in time.',
} as const;
