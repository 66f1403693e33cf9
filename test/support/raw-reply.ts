import { STATUS_CODES } from 'node:http';

type Headers = Readonly<Record<string, string | number>>;

/** Everything up to the empty line, exactly as given: nothing is added or checked. */
export function replyHead(status: number, headers: Headers): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${lines.join('')}\r\n`;
}

/** A whole reply with the right `Content-Length`. */
export function reply(status: number, headers: Headers, body: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(replyHead(status, { ...headers, 'Content-Length': bytes.length })), bytes]);
}

/** Takes the body as text, so that it can be JSON that `JSON.stringify` would never write. */
export const jsonReply = (status: number, json: string, headers: Headers = {}): Buffer =>
  reply(status, { 'Content-Type': 'application/json', ...headers }, json);

export const htmlReply = (status: number, headers: Headers = {}): Buffer =>
  reply(status, { 'Content-Type': 'text/html', ...headers }, '<!doctype html><title>Upstream page</title>');

/** A token that is only part of faulty replies, so it must never reach a client. */
export const FAULTY_TOKEN = 'eyJ0eXAiOiJKV1QifQ.ZmF1bHR5LXVwc3RyZWFt.bm90LWEtcmVhbC1zaWduYXR1cmU';

/** A token response; `expiresIn` is raw JSON, and left out when null. */
export function tokenJson(expiresIn: string | null = '86400', token = FAULTY_TOKEN): string {
  const lifetime = expiresIn === null ? '' : `,"expires_in":${expiresIn}`;
  return `{"access_token":"${token}","token_type":"Bearer"${lifetime}}`;
}
