/** Headers as Node has them: names and values in turn, in the order and the spelling in which they came, byte for byte. */
export type RawHeaders = readonly string[];

/** Hop-by-hop headers (RFC 9110 §7.6.1), whether or not `Connection` names them. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/** Not for the Cells API: about this hop, about whoever is in front of it, or credentials of another kind. */
const NOT_SENT_ON: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'host',
  'content-length',
  'expect',
  'cookie',
  'forwarded',
  'x-real-ip',
  'x-request-id',
  'baggage',
  // The Ruby SDK sends its credentials as headers as well.
  'client_id',
  'client_secret',
  'grant_type',
]);

/** Not for the client: about this hop, or about the origin's own clients, which this service's are not. */
const NOT_PASSED_BACK: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'proxy-authenticate',
  'proxy-authentication-info',
  'set-cookie',
  'strict-transport-security',
  'alt-svc',
  'x-request-id',
]);

/** What our own name is in `Via` (RFC 9110 §7.6.3). */
const PSEUDONYM = 'cells-authority';

/** A client's request, as far as its headers go. */
export interface ReceivedHeaders {
  readonly rawHeaders: RawHeaders;
  readonly httpVersion: string;
}

/** What the gateway itself says in a request. */
export interface OwnRequestHeaders {
  readonly host: string;
  readonly requestId: string;
  /** `Content-Length` or `Transfer-Encoding` and its value; absent where there is no body to tell of. */
  readonly framing: readonly [name: string, value: string] | undefined;
  /** The token that takes the place of the client's. */
  readonly token: string | undefined;
  /** `traceparent` and `tracestate` of our own span, which take the place of the client's. */
  readonly trace: Readonly<Record<string, string>> | undefined;
}

/** The headers of the request to the Cells API. */
export function requestHeaders({ rawHeaders, httpVersion }: ReceivedHeaders, own: OwnRequestHeaders): string[] {
  const named = namedByConnection(rawHeaders);
  const headers = ['Host', own.host];
  forEachHeader(rawHeaders, (name, value, key) => {
    if (NOT_SENT_ON.has(key) || key.startsWith('proxy-') || key.startsWith('x-forwarded-')) return;
    if (named?.has(key) === true || (own.trace !== undefined && isTraceHeader(key))) return;
    headers.push(name, key === 'authorization' && own.token !== undefined ? `Bearer ${own.token}` : value);
  });
  headers.push('Via', via(httpVersion), 'X-Request-Id', own.requestId);
  if (own.framing !== undefined) headers.push(...own.framing);
  if (own.trace !== undefined) headers.push(...Object.entries(own.trace).flat());
  return headers;
}

/** The Cells API's response, as far as its headers go. */
export interface AnsweredHeaders extends ReceivedHeaders {
  readonly statusCode: number;
}

/** The headers of the response to the client. */
export function responseHeaders(
  { rawHeaders, httpVersion, statusCode }: AnsweredHeaders,
  requestId: string,
  upstreamOrigin: string,
): string[] {
  const named = namedByConnection(rawHeaders);
  const headers: string[] = [];
  forEachHeader(rawHeaders, (name, value, key) => {
    if (NOT_PASSED_BACK.has(key) || named?.has(key) === true) return;
    // There is none with this status (RFC 9110 §8.6), and clients would wait for a body.
    if (key === 'content-length' && statusCode === 204) return;
    headers.push(name, key === 'location' ? relativeLocation(value, upstreamOrigin) : value);
  });
  headers.push('Via', via(httpVersion), 'X-Request-Id', requestId);
  return headers;
}

/** A redirect to the upstream itself is one to wherever the client got it from. */
export function relativeLocation(location: string, upstreamOrigin: string): string {
  const [authority] = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#\\]*/i.exec(location) ?? [];
  if (authority === undefined || !URL.canParse(location, upstreamOrigin)) return location;
  if (new URL(location, upstreamOrigin).origin !== upstreamOrigin) return location;
  // Two slashes at the start, or what browsers take for them, would make the rest another host.
  return location.slice(authority.length).replace(/^[/\\]*/, '/');
}

/** All values of one header. */
export function headerValues(rawHeaders: RawHeaders, wanted: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === wanted.length && name.toLowerCase() === wanted) values.push(rawHeaders[at + 1] ?? '');
  }
  return values;
}

function forEachHeader(rawHeaders: RawHeaders, tell: (name: string, value: string, key: string) => void): void {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    tell(name, rawHeaders[at + 1] ?? '', name.toLowerCase());
  }
}

function namedByConnection(rawHeaders: RawHeaders): ReadonlySet<string> | undefined {
  // These two say how the connection goes on, and are nearly all there is.
  const values = headerValues(rawHeaders, 'connection').filter((value) => !/^(?:keep-alive|close)$/i.test(value));
  if (values.length === 0) return undefined;
  return new Set(values.flatMap((value) => value.split(',').map((name) => name.trim().toLowerCase())));
}

function isTraceHeader(key: string): boolean {
  return key === 'traceparent' || key === 'tracestate';
}

function via(httpVersion: string): string {
  return `${httpVersion} ${PSEUDONYM}`;
}
