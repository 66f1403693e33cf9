/** Headers as Node has them: names and values in turn, in their original order and spelling, byte for byte. */
export type RawHeaders = readonly string[];

/** Hop-by-hop headers (RFC 9110 §7.6.1), whether or not `Connection` names them. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/** Not for the Cells API: about this hop, about proxies in front of it, or other credentials. */
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
  // The Ruby SDK also sends its credentials as headers.
  'client_id',
  'client_secret',
  'grant_type',
]);

/** Not for the client: about this hop, or only true for clients that talk to the API's own origin. */
const NOT_PASSED_BACK: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'proxy-authenticate',
  'proxy-authentication-info',
  'set-cookie',
  'strict-transport-security',
  'alt-svc',
  'x-request-id',
]);

/** Our name in `Via` (RFC 9110 §7.6.3). */
const PSEUDONYM = 'cells-authority';

/** The parts of a client's request that its headers depend on. */
export interface ReceivedHeaders {
  readonly rawHeaders: RawHeaders;
  readonly httpVersion: string;
}

/** Headers that the gateway sets itself. */
export interface OwnRequestHeaders {
  readonly host: string;
  readonly requestId: string;
  /** `Content-Length` or `Transfer-Encoding` and its value; absent without a body. */
  readonly framing: readonly [name: string, value: string] | undefined;
  /** Replaces the client's token. */
  readonly token: string | undefined;
  /** `traceparent` and `tracestate` of our own span, which replace the client's. */
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

/** The parts of the Cells API's response that its headers depend on. */
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
    // Not allowed with this status (RFC 9110 §8.6), and clients would wait for a body.
    if (key === 'content-length' && statusCode === 204) return;
    headers.push(name, key === 'location' ? relativeLocation(value, upstreamOrigin) : value);
  });
  headers.push('Via', via(httpVersion), 'X-Request-Id', requestId);
  return headers;
}

/** Makes a redirect to the upstream relative, so that the client comes back to this service. */
export function relativeLocation(location: string, upstreamOrigin: string): string {
  const [authority] = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#\\]*/i.exec(location) ?? [];
  if (authority === undefined || !URL.canParse(location, upstreamOrigin)) return location;
  if (new URL(location, upstreamOrigin).origin !== upstreamOrigin) return location;
  // With two slashes at the start, or what browsers take for slashes, the rest would name another host.
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

function forEachHeader(rawHeaders: RawHeaders, visit: (name: string, value: string, key: string) => void): void {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    visit(name, rawHeaders[at + 1] ?? '', name.toLowerCase());
  }
}

function namedByConnection(rawHeaders: RawHeaders): ReadonlySet<string> | undefined {
  // Nearly always it is one of these two, which name no headers.
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
