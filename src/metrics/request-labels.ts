import { type IncomingHttpHeaders } from 'node:http';
import { announcesBody } from '../cells-authority/client-credentials/http-request.js';
import { PUBLISHED_PATH, SDK_PATHS } from '../cells-authority/index.js';

/** The paths that are told apart; whatever else is asked for is one and the same. */
export const REQUEST_PATHS: readonly string[] = [`/${PUBLISHED_PATH}`, ...SDK_PATHS.map((path) => `/${path}`), 'other'];
const OTHER_PATH = REQUEST_PATHS.length - 1;

/** Where a request seems to have its credentials; told by its headers and its URL, before anything is read. */
export const REQUEST_FORMS = ['query', 'form', 'basic', 'json', 'none'] as const;
export type RequestForm = (typeof REQUEST_FORMS)[number];

/** What a request came to: a token, an error code of the token paths, or, elsewhere, the kind of status. */
export const REQUEST_OUTCOMES = [
  'token',
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
  'throttled',
  'server_error',
  'temporarily_unavailable',
  'other_error',
  'ok',
  'client_error',
] as const;
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];

const ERROR_CODES: ReadonlyMap<string, RequestOutcome> = new Map(
  REQUEST_OUTCOMES.filter((outcome) => !['token', 'throttled', 'ok', 'client_error'].includes(outcome)).map(
    (outcome) => [outcome, outcome],
  ),
);
const PATH_INDEXES: ReadonlyMap<string, number> = new Map(REQUEST_PATHS.map((path, index) => [path, index]));

/** The place in {@link REQUEST_PATHS} of a route's path. */
export function pathIndex(path: string | undefined): number {
  return (path === undefined ? undefined : PATH_INDEXES.get(path)) ?? OTHER_PATH;
}

/** Whether it is one of the paths that tokens are asked for at. */
export function isTokenPathIndex(index: number): boolean {
  return index !== OTHER_PATH;
}

/** @see REQUEST_FORMS */
export function requestForm(url: string, headers: IncomingHttpHeaders): RequestForm {
  const { authorization } = headers;
  if (authorization !== undefined && /^basic(?: |$)/i.test(authorization)) return 'basic';
  const question = url.indexOf('?');
  // As nearly all write it, or else in some other case; none of the paths has the word in it.
  if (question !== -1 && (url.includes('client', question) || /client/i.test(url))) return 'query';
  if (!announcesBody(headers)) return 'none';
  return headers['content-type']?.includes('json') === true ? 'json' : 'form';
}

/** What a reply on a token path came to; `payload` is its body, as far as that is known. */
export function tokenOutcome(status: number, payload: unknown): RequestOutcome {
  if (status < 300) return 'token';
  if (status === 429) return 'throttled';
  const body = Buffer.isBuffer(payload) ? payload.toString('latin1') : typeof payload === 'string' ? payload : '';
  const code = /"error"\s*:\s*"(\w+)"/.exec(body)?.[1];
  return (code === undefined ? undefined : ERROR_CODES.get(code)) ?? 'other_error';
}

/** What any other reply came to. */
export function otherOutcome(status: number): RequestOutcome {
  if (status < 400) return 'ok';
  return status < 500 ? 'client_error' : 'server_error';
}
