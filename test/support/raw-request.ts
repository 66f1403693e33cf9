/** One HTTP/1.1 request as received. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

const HEAD_END = '\r\n\r\n';

/**
 * Takes the first complete request, head and body, from the received bytes; `undefined` while it is incomplete. Only
 * bodies with `Content-Length` are supported: a token request is a short form and need not be chunked.
 */
export function takeRequest(received: Buffer): { request: RawRequest; rest: Buffer } | undefined {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;

  const [requestLine = '', ...fields] = received.toString('latin1', 0, headEnd).split('\r\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const headers = new Map(
    fields.map((field): [string, string] => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  if (headers.has('transfer-encoding')) throw new Error('a token request should not be chunked');

  const bodyStart = headEnd + HEAD_END.length;
  const bodyEnd = bodyStart + Number(headers.get('content-length') ?? 0);
  if (received.length < bodyEnd) return undefined;
  const body = received.toString('utf8', bodyStart, bodyEnd);
  return { request: { method, target, headers, body }, rest: received.subarray(bodyEnd) };
}
