import { invalidRequest } from '../errors/oauth-errors.js';
import { type ClientCredentials } from './client-credentials.js';
import { decodeFormComponent } from './token-parameters.js';

const BASIC = /^basic(?![^ ])/i;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Whether an `Authorization` header is meant for HTTP Basic, well-formed or not. */
export function isBasic(header: string | undefined): header is string {
  return header !== undefined && BASIC.test(header);
}

/**
 * Client credentials of an `Authorization: Basic` header (RFC 7617), each part form-decoded once (RFC 6749 §2.3.1).
 * Any other scheme is none of ours: SDKs send the Bearer of an earlier token along.
 */
export function readBasicAuthorization(header: string | undefined): ClientCredentials | undefined {
  if (!isBasic(header)) return undefined;
  const encoded = header.slice('basic'.length).trim();
  if (!isBase64(encoded)) throw invalidRequest('The Basic credentials are not base64');
  // latin1 keeps every byte apart, so that validation sees (and refuses) what is not ASCII.
  const decoded = Buffer.from(encoded, 'base64').toString('latin1');
  const colon = decoded.indexOf(':');
  if (colon === -1) throw invalidRequest('The Basic credentials have no colon');
  const clientId = decodeFormComponent(decoded.slice(0, colon));
  const clientSecret = decodeFormComponent(decoded.slice(colon + 1));
  if (clientId === '' || clientSecret === '') throw invalidRequest('The Basic credentials have an empty part');
  return { clientId, clientSecret };
}

/** RFC 4648 §4, its padding left out or complete. */
function isBase64(text: string): boolean {
  if (!BASE64.test(text)) return false;
  return text.endsWith('=') ? text.length % 4 === 0 : text.length % 4 !== 1;
}
