import { invalidRequest } from '../errors/oauth-errors.js';
import { type ClientCredentials } from './client-credentials.js';
import { decodeFormComponent } from './token-parameters.js';

const BASIC = /^basic(?![^ ])/i;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Whether an `Authorization` header is HTTP Basic, well-formed or not. */
export function isBasic(header: string | undefined): header is string {
  return header !== undefined && BASIC.test(header);
}

/**
 * Client credentials of an `Authorization: Basic` header (RFC 7617), each part form-decoded once (RFC 6749 §2.3.1).
 * Other schemes are ignored, because SDKs send an earlier token along as Bearer.
 */
export function readBasicAuthorization(header: string | undefined): ClientCredentials | undefined {
  if (!isBasic(header)) return undefined;
  const encoded = header.slice('basic'.length).trim();
  if (!isBase64(encoded)) throw invalidRequest('The Basic credentials are not base64');
  // latin1 turns each byte into one character, so that validation sees (and refuses) what is not ASCII.
  const decoded = Buffer.from(encoded, 'base64').toString('latin1');
  const colon = decoded.indexOf(':');
  if (colon === -1) throw invalidRequest('The Basic credentials have no colon');
  const clientId = decodeFormComponent(decoded.slice(0, colon));
  const clientSecret = decodeFormComponent(decoded.slice(colon + 1));
  if (clientId === '' || clientSecret === '') throw invalidRequest('The Basic credentials have an empty part');
  return { clientId, clientSecret };
}

/** RFC 4648 §4, with complete padding or none. */
function isBase64(text: string): boolean {
  if (!BASE64.test(text)) return false;
  return text.endsWith('=') ? text.length % 4 === 0 : text.length % 4 !== 1;
}
