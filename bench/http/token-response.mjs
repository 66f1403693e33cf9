/** Characters in an access token: Aspose's are JWTs of about this length. */
const ACCESS_TOKEN_LENGTH = 1200;

/** The token response for a client, as text. The token shows which client it is for. */
export function tokenResponse(clientId) {
  const accessToken = `eyJhbGciOiJSUzI1NiJ9.${clientId}.`.padEnd(ACCESS_TOKEN_LENGTH, 'c2lnbmF0dXJl');
  return JSON.stringify({ access_token: accessToken, token_type: 'Bearer', expires_in: 86_400 });
}
