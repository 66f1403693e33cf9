import { type IncomingHttpHeaders } from 'node:http';
import { invalidRequest } from '../errors/oauth-errors.js';
import { announcesBody } from './http-request.js';
import { type TokenParameters } from './token-parameters.js';

/** Which of the two body forms was sent; `unsupported` is a body of any other type. */
export type BodyForm = 'form' | 'json' | 'unsupported';

/** The form that the headers say the body has; `undefined` when they tell of none. */
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

/** Reads a body, text or parsed by the host, into the parameters. */
export function readBody(
  form: BodyForm,
  encoding: string | undefined,
  body: unknown,
  parameters: TokenParameters,
): void {
  // SDKs announce JSON and then send nothing.
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
  // Each member has a colon, so if there are no more of them than names, no member was repeated.
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
