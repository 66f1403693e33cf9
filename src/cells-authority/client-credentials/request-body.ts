import { type IncomingHttpHeaders } from 'node:http';
import { invalidRequest } from '../errors/oauth-errors.js';
import { announcesBody } from './http-request.js';
import { type TokenParameters } from './token-parameters.js';

/** The type of the body; `unsupported` stands for all others. */
export type BodyForm = 'form' | 'json' | 'unsupported';

/** The type of the body by its headers; `undefined` when they announce no body. */
export function bodyFormOf(headers: IncomingHttpHeaders): BodyForm | undefined {
  if (!announcesBody(headers)) return undefined;
  switch (mediaType(headers['content-type'])) {
    case 'application/x-www-form-urlencoded':
      return 'form';
    case 'application/json':
      return 'json';
    default:
      return 'unsupported';
  }
}

/** Reads a body, as text or parsed by the host, into the parameters. */
export function readBody(
  form: BodyForm,
  encoding: string | undefined,
  body: unknown,
  parameters: TokenParameters,
): void {
  // Some SDKs announce JSON and send no body.
  if (body === '') return;
  refuseContentEncoding(encoding);
  if (form === 'unsupported') {
    throw invalidRequest('The body must be application/x-www-form-urlencoded or application/json');
  }
  if (typeof body !== 'string') readMembers(body, parameters);
  else if (form === 'form') parameters.addForm(body);
  else readJson(body, parameters);
}

function refuseContentEncoding(encoding: string | undefined): void {
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    throw invalidRequest('A Content-Encoding is not supported', 415);
  }
}

function mediaType(contentType = ''): string {
  const semicolon = contentType.indexOf(';');
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

function readJson(text: string, parameters: TokenParameters): void {
  const members = membersOf(parseJson(text));
  const names = Object.keys(members);
  // Each member has a colon, so if there are no more colons than names, no member is repeated.
  const repeatsNone = text.split(':').length - 1 === names.length;
  for (const name of repeatsNone ? names : memberNames(text)) parameters.add(name, members[name]);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidRequest('The body is not valid JSON');
  }
}

/** Reads a body that the host has parsed. Repeated parameters can no longer be noticed. */
function readMembers(body: unknown, parameters: TokenParameters): void {
  if (body === undefined) return;
  for (const [name, value] of Object.entries(membersOf(body))) parameters.add(name, value);
}

function membersOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('The body must hold the parameters of a token request');
  }
  return body as Readonly<Record<string, unknown>>;
}

const STRING_OR_STRUCTURE = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/g;

/** The member names of a valid JSON object, repeats included: of those `JSON.parse` silently keeps only the last. */
function* memberNames(json: string): Generator<string> {
  let depth = 0;
  let latest = '';
  for (const [token] of json.matchAll(STRING_OR_STRUCTURE)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (token !== ':') latest = token;
    else if (depth === 1) yield String(JSON.parse(latest));
  }
}
