/** Must never appear in an answer, whatever part of a request contained it. */
export const MARKER = 'f7zz-marker-0123456789';

const TOKEN_PATHS = [
  '/v4.0/cells/connect/token',
  '/v3.0/cells/connect/token',
  '/connect/token',
  '/oauth2/token',
  '//connect/token',
];
const OTHER_PATHS = [
  '/',
  '/health/live',
  '/health/ready',
  '/cells',
  '/cells/openapi.json',
  '/connect/token/',
  '/connect/../connect/token',
  `/${MARKER}`,
  '/%zz',
  '/%00',
  '/connect/%74oken',
  '*',
  'http://example.com/connect/token',
  '/__proto__/constructor',
];
const METHODS = ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH', 'LOCK'];
const NAMES = [
  'client_id',
  'client_secret',
  'clientId',
  'Client%20ID',
  'client-secret',
  'grant_type',
  'scope',
  'client_id[]',
  '__proto__',
  'constructor',
  'toString',
  '',
  '%zz',
  'a'.repeat(300),
];
const VALUES = [
  MARKER,
  'client_credentials',
  'password',
  '',
  '%',
  '%zz',
  '%00',
  '%C3%A9',
  '%ff%fe',
  '+',
  'a'.repeat(513),
  '%5B%5D',
  '..%2f..%2fetc',
  "'%20OR%201=1--",
  '{{7*7}}',
  '%0d%0aSet-Cookie:%20a=b',
];
const JSON_VALUES = ['null', '1', 'true', '[]', '{}', '"a"', '1e999', '{"a":{"b":[1]}}', `"${MARKER}"`, '"\\u0000"'];
const CONTENT_TYPES = [
  'application/x-www-form-urlencoded',
  'application/json',
  'application/x-www-form-urlencoded; charset=UTF-7',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  '',
  ';',
  'application/json; charset="',
];
const HEADERS = [
  `Authorization: Basic ${Buffer.from(`${MARKER}:${MARKER}`).toString('base64')}`,
  'Authorization: Basic',
  'Authorization: Basic %%%',
  'Authorization: Basic Og==',
  `Authorization: Bearer ${MARKER}`,
  'Authorization: Digest username="a"',
  'Cache-Control: no-cache',
  'Cache-Control: min-fresh=99999999999999999999',
  'Cache-Control: ,,,=,=',
  'Content-Encoding: gzip',
  'Accept-Language: *;q=9, zz-ZZ',
  'Accept: application/xml',
  'Origin: null',
  'Origin: https://a.example',
  'Cookie: a=b',
  'Range: bytes=0-',
  'If-None-Match: *',
  'Connection: Upgrade\r\nUpgrade: websocket',
  'Expect: 100-continue',
  'X-Request-Id: {"a":1}',
  `X-Request-Id: ${'x'.repeat(200)}`,
  'X-Forwarded-For: 1.2.3.4, unknown, ::1',
  'X-Forwarded-Proto: javascript',
  'X-HTTP-Method-Override: GET',
  'Accept-Version: 1.x',
  'traceparent: 00-zz-zz-00',
  'Forwarded: for="[::1]"',
  `client_secret: ${MARKER}`,
];

const PIPELINABLE = HEADERS.filter((header) => !header.includes('Upgrade'));

/** Requests made from a seed: the same seed makes the same ones. */
export class GeneratedRequests {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Valid HTTP framing with arbitrary content. */
  framed(last: boolean): string {
    const method = this.#chance(0.85) ? 'POST' : this.#oneOf(METHODS);
    const query = this.#chance(0.5) ? `?${this.#parameters()}` : '';
    const target = this.#oneOf(this.#chance(0.8) ? TOKEN_PATHS : OTHER_PATHS) + query;
    // Node reads nothing more from a connection after an Upgrade that nothing handles.
    const pipelinable = last ? HEADERS : PIPELINABLE;
    const headers = Array.from({ length: this.#below(4) }, () => this.#oneOf(pipelinable));
    const body = this.#chance(0.6) ? this.#body() : '';
    if (this.#chance(0.8)) headers.push(`Content-Type: ${this.#oneOf(CONTENT_TYPES)}`);
    if (last) headers.push('Connection: close');
    return `${method} ${target} HTTP/1.1\r\nHost: a\r\n${headers.map((header) => `${header}\r\n`).join('')}${this.#frame(body)}`;
  }

  /** Not HTTP, almost HTTP, or incomplete. */
  broken(): string {
    const request = this.framed(false);
    const at = this.#below(request.length);
    switch (this.#below(8)) {
      case 0:
        return request.slice(0, at);
      case 1:
        return request.slice(0, at) + String.fromCharCode(this.#below(256)) + request.slice(at + 1);
      case 2:
        return request.replace('Host: a\r\n', 'Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n');
      case 3:
        return request.replace('Host: a\r\n', `Host: a\r\n${MARKER}: ${'x'.repeat(17_000)}\r\n`);
      case 4:
        return request.replaceAll('\r\n', '\n');
      case 5:
        return Array.from({ length: this.#below(200) }, () => String.fromCharCode(this.#below(256))).join('');
      case 6:
        return request.replace('HTTP/1.1', this.#oneOf(['HTTP/1.0', 'HTTP/2.0', 'HTTP/9', 'http/1.1', '']));
      default:
        return `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${request}`;
    }
  }

  #frame(body: string): string {
    if (body === '') return this.#chance(0.5) ? 'Content-Length: 0\r\n\r\n' : '\r\n';
    if (this.#chance(0.8)) return `Content-Length: ${body.length}\r\n\r\n${body}`;
    return `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  }

  #parameters(): string {
    const pair = () => `${this.#oneOf(NAMES)}=${this.#oneOf(VALUES)}`;
    const usual = this.#chance(0.3) ? `client_id=client-${this.#below(20)}&client_secret=${this.#oneOf(VALUES)}` : '';
    return [usual, ...Array.from({ length: this.#below(4) }, pair)].join('&');
  }

  #body(): string {
    switch (this.#below(4)) {
      case 0:
        return `{"client_id":${this.#oneOf(JSON_VALUES)},"client_secret":${this.#oneOf(JSON_VALUES)}}`;
      case 1: {
        const json = `{"client_id":"a","__proto__":{"client_secret":"${MARKER}"},"scope":${this.#oneOf(JSON_VALUES)}}`;
        return json.slice(0, this.#below(json.length) + 1);
      }
      case 2:
        return Array.from({ length: this.#below(60) + 1 }, () => String.fromCharCode(this.#below(256))).join('');
      default:
        return this.#parameters() || 'a';
    }
  }

  #oneOf<T>(all: readonly T[]): T {
    const one = all[this.#below(all.length)];
    if (one === undefined) throw new Error('nothing to choose from');
    return one;
  }

  #chance(share: number): boolean {
    return this.#next() < share;
  }

  #below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  /** Mulberry32. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
}
