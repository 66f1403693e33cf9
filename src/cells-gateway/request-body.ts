import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

/** How the body of a request is delimited (RFC 9112 §6). */
export type BodyFraming =
  { readonly kind: 'none' } | { readonly kind: 'length'; readonly length: number } | { readonly kind: 'chunked' };

/** Contradictions (two lengths, or both a length and chunks) and other transfer codings have already been refused. */
export function bodyFraming(headers: IncomingHttpHeaders): BodyFraming {
  if (headers['transfer-encoding'] !== undefined) return { kind: 'chunked' };
  const length = headers['content-length'];
  return length === undefined ? { kind: 'none' } : { kind: 'length', length: Number(length) };
}

/** Whether anything follows the headers. */
export function hasBody(framing: BodyFraming): boolean {
  return framing.kind === 'length' ? framing.length > 0 : framing.kind !== 'none';
}

/** Whether the client waits for `100 Continue` before it sends its body (RFC 9110 §10.1.1). */
export function expectsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.1' && headers.expect !== undefined && /\b100-continue\b/i.test(headers.expect);
}

/** Whether the client expects anything but `100-continue`, the only expectation ever defined. */
export function expectsUnknown(request: IncomingMessage): boolean {
  return request.httpVersion === '1.1' && request.headers.expect !== undefined && !expectsContinue(request);
}

/** Milliseconds that a client that is still sending has to notice its answer. */
const LONGEST_DRAIN_MS = 5000;
/** The same without a byte from the client. */
const LONGEST_PAUSE_MS = 1000;

/**
 * Ends a response before the request's body has arrived. Reads and discards the body for a while: closing a connection
 * with unread bytes resets it, and the client might never see the answer.
 */
export function endBeforeBody(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  if (request.readableEnded) {
    response.end();
    return;
  }
  // May be called more than once, which does no more than once.
  const end = () => {
    clearTimeout(longest);
    clearTimeout(pause);
    response.end();
    if (!request.complete) socket.destroySoon();
  };
  const longest = setTimeout(end, LONGEST_DRAIN_MS);
  const pause = setTimeout(end, LONGEST_PAUSE_MS);
  request.on('data', () => pause.refresh());
  request.once('end', end).once('close', end);
  request.resume();
  // The last chunk is part of the answer. With a known length the end can wait, and with it a `Connection: close`.
  if (response.chunkedEncoding) response.end();
}
