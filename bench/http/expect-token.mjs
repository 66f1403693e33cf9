import { tokenResponse } from './token-response.mjs';

/**
 * Sends one request and checks the whole answer, which would be too much work under load.
 *
 * @throws Error unless the answer is 200 with the token of this client.
 */
export async function expectToken(server, { method, path, headers, body }, { clientId }) {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers, body });
  const text = await response.text();
  if (response.status !== 200 || accessToken(text) !== accessToken(tokenResponse(clientId))) {
    throw new Error(`${server.name} answered ${response.status}, and not with the token of the client that asked`);
  }
}

function accessToken(text) {
  return JSON.parse(text).access_token;
}
