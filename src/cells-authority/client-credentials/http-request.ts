import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** What Express' and Fastify's request objects have in common, as far as a token request goes. */
export interface HttpRequest {
  /** Path and query as they came in, before any router touched them. */
  readonly originalUrl: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** Parsed by the host, or the text itself where the host leaves parsing to us. */
  readonly body?: unknown;
  readonly ip?: string;
  /** What Fastify calls the request. */
  readonly id?: unknown;
  /** Fastify's way to Node's own request. */
  readonly raw?: IncomingMessage;
  /** Express' request is Node's own request. */
  readonly rawHeaders?: string[];
}

/** Whether the headers tell of a body, however long it turns out to be (RFC 9112 §6). */
export function announcesBody(headers: IncomingHttpHeaders): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  const length = headers['content-length'];
  return length !== undefined && length !== '0';
}

/** `req.headers` hides a repeated Authorization header; only the raw list shows it. */
export function isRepeated(name: string, request: HttpRequest): boolean {
  const rawHeaders = request.raw?.rawHeaders ?? request.rawHeaders ?? [];
  let seen = false;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const header = rawHeaders[i];
    if (header?.length !== name.length || header.toLowerCase() !== name) continue;
    if (seen) return true;
    seen = true;
  }
  return false;
}
