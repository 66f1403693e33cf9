/**
 * Token requests in the forms clients send them.
 *
 * @typedef {{ method: string, path: string, headers: Record<string, string>, body: string }} TokenRequest
 */
export const TOKEN_PATH = '/v4.0/cells/connect/token';

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

/** @returns {TokenRequest} */
export function byQuery({ clientId, clientSecret }) {
  const path = `${TOKEN_PATH}?client_id=${clientId}&client_secret=${clientSecret}`;
  return { method: 'POST', path, headers: {}, body: '' };
}

/** @returns {TokenRequest} */
export function byForm({ clientId, clientSecret }) {
  const body = `grant_type=client_credentials&client_id=${clientId}&client_secret=${clientSecret}`;
  return { method: 'POST', path: TOKEN_PATH, headers: FORM, body };
}

/** @returns {TokenRequest} */
export function byBasic({ clientId, clientSecret }) {
  const credentials = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
  const headers = { ...FORM, Authorization: `Basic ${credentials}` };
  return { method: 'POST', path: TOKEN_PATH, headers, body: 'grant_type=client_credentials' };
}

/** @returns {TokenRequest} */
export function byJson({ clientId, clientSecret }) {
  const body = JSON.stringify({ client_id: clientId, client_secret: clientSecret });
  return { method: 'POST', path: TOKEN_PATH, headers: { 'Content-Type': 'application/json' }, body };
}

/** The request as the bytes that go over the wire. */
export function asMessage({ method, path, headers, body }) {
  const length = method === 'GET' ? {} : { 'Content-Length': String(body.length) };
  const fields = { Host: '127.0.0.1', ...headers, ...length };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}
