import { clientCredentials } from './client-credentials.mjs';
import { tokenResponse } from './token-response.mjs';

const { access_token: accessToken } = JSON.parse(tokenResponse(clientCredentials(0).clientId));

/** Sent with every request to the Cells API. */
export const BEARER = { Authorization: `Bearer ${accessToken}` };

/** The path of a file of this many bytes. */
export function filePath(bytes) {
  return `/v4.0/cells/storage/file/${bytes}`;
}

/** @returns {import('./token-request.mjs').TokenRequest} */
export function fileRequest(bytes) {
  return { method: 'GET', path: filePath(bytes), headers: BEARER, body: '' };
}
