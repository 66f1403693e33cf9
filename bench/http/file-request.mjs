import { clientCredentials } from './client-credentials.mjs';
import { tokenResponse } from './token-response.mjs';

const { access_token: accessToken } = JSON.parse(tokenResponse(clientCredentials(0).clientId));

/** What every request of the Cells API has. */
export const BEARER = { Authorization: `Bearer ${accessToken}` };

/** The path of a file with so many bytes. */
export function filePath(bytes) {
  return `/v4.0/cells/storage/file/${bytes}`;
}

/** @returns {import('./token-request.mjs').TokenRequest} */
export function fileRequest(bytes) {
  return { method: 'GET', path: filePath(bytes), headers: BEARER, body: '' };
}
