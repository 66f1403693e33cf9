import { invalidRequest } from '../errors/oauth-errors.js';
import { forEachFormParameter } from './form-urlencoded.js';
import { hasBody, type HttpRequest } from './http-request.js';
import { type TokenParameters } from './token-parameters.js';

/** Which of the two body forms was sent. */
export type BodyForm = 'form' | 'json';

/** Reads the request's body into the parameters; tells which form it had, or `undefined` when there was none. */
export function readBody(request: HttpRequest, parameters: TokenParameters): BodyForm | undefined {
  if (!hasBody(request)) return undefined;
  refuseContentEncoding(request.headers['content-encoding']);
  switch (mediaType(request.headers['content-type'])) {
    case 'application/x-www-form-urlencoded':
      readForm(request.body, parameters);
      return 'form';
    case 'application/json':
      readJson(request.body, parameters);
      return 'json';
    default:
      throw invalidRequest('The body must be application/x-www-form-urlencoded or application/json');
  }
}

function refuseContentEncoding(encoding: string | undefined): void {
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    throw invalidRequest('A Content-Encoding is not supported', 415);
  }
}

function mediaType(contentType: string | undefined): string | undefined {
  if (contentType === undefined) return undefined;
  const semicolon = contentType.indexOf(';');
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

function readForm(body: unknown, parameters: TokenParameters): void {
  if (typeof body === 'string') {
    forEachFormParameter(body, (name, value) => {
      parameters.add(name, value);
    });
  } else {
    readMembers(body, parameters);
  }
}

function readJson(body: unknown, parameters: TokenParameters): void {
  if (typeof body !== 'string') {
    readMembers(body, parameters);
    return;
  }
  const members = membersOf(parseJson(body));
  for (const name of memberNames(body)) parameters.add(name, members[name]);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidRequest('The body is not valid JSON');
  }
}

/** For a body that the host has parsed: whatever was repeated in it is lost. */
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

/** The names of a valid JSON object's own members, repeats included: `JSON.parse` keeps the last of them without a word. */
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
