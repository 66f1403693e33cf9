import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** What Express' and Fastify's request objects have in common, as far as token requests need it. */
export interface HttpRequest {
  /** Path and query as received, before any router changed them. */
  readonly originalUrl: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** Parsed by the host, or plain text where the host leaves parsing to us. */
  readonly body?: unknown;
  /** The client's address. Requests without one share one in the limits for guessing. */
  readonly ip?: string;
  /** Fastify's request id. */
  readonly id?: unknown;
  /** Node's own request, on Fastify. */
  readonly raw?: IncomingMessage;
  /** On Express, whose request is Node's own. */
  readonly rawHeaders?: string[];
}

/** Whether the headers announce a body, of whatever length (RFC 9112 §6). */
export function announcesBody(headers: IncomingHttpHeaders): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  const length = headers['content-length'];
  return length !== undefined && length !== '0';
}

/** Looks at the raw headers, because `req.headers` hides a repeated Authorization header. */
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
