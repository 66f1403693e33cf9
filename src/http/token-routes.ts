import { type FastifyInstance, type FastifyReply, type onRequestHookHandler } from 'fastify';
import { PUBLISHED_PATH, SDK_PATHS, type TokenPath } from '../cells-authority/index.js';
import {
  TOKEN_REPLY_HEADERS,
  type TokenReply,
  type TokenReplyContent,
  type TokenResponder,
} from '../cells-authority/internal.js';

/** The paths of the token routes, as Fastify knows them. */
export const TOKEN_ROUTES: ReadonlyMap<string, TokenPath> = new Map(
  [PUBLISHED_PATH, ...SDK_PATHS].map((path) => [`/${path}`, path]),
);

/**
 * Answers all token requests before Nest's pipeline of guards, pipes and filters, which does nothing for them and costs
 * more than a kept token, and as much as a request to the authorization server.
 *
 * Must be called before Nest adds its routes. The responder is looked up on the first request.
 */
export function respondAheadOfNest(
  fastify: FastifyInstance,
  responder: () => TokenResponder,
  headers: Readonly<Record<string, string>>,
): void {
  const constantHeaders = Object.entries({ ...TOKEN_REPLY_HEADERS, ...headers }).flat();
  let known: TokenResponder | undefined;

  fastify.addHook('onRoute', (route) => {
    const path = TOKEN_ROUTES.get(route.url);
    if (path === undefined || route.method !== 'POST') return;
    const respond: onRequestHookHandler = (request, reply) => {
      known ??= responder();
      void known.respond(request, new OneWriteReply(reply, constantHeaders), path);
    };
    route.onRequest = [respond, ...[route.onRequest ?? []].flat()];
  });
}

/** Writes directly to Node's response, because Fastify's `send()` first inspects the payload at length. */
class OneWriteReply implements TokenReply {
  constructor(
    private readonly reply: FastifyReply,
    /** Names and values in turn. */
    private readonly constantHeaders: readonly string[],
  ) {}

  get answeredStatus(): number | undefined {
    const { headersSent, statusCode } = this.reply.raw;
    return headersSent ? statusCode : undefined;
  }

  get allowedOrigin(): unknown {
    return this.reply.getHeader('access-control-allow-origin');
  }

  /** Sends head and body in one write. `end(text)` would make two, which costs an eighth of the request. */
  send({ status, headers, text, length }: TokenReplyContent): void {
    const { reply } = this;
    const { raw, request } = reply;
    const lines = [...this.constantHeaders, 'X-Request-Id', request.id, 'Content-Length', String(length)];
    // The CORS headers.
    if (request.headers.origin !== undefined) addHeaders(lines, reply.getHeaders());
    if (headers !== undefined) addHeaders(lines, headers);
    reply.hijack();
    raw.writeHead(status, lines);
    raw.socket?.cork();
    // ASCII text has one byte per character and need not be encoded as UTF-8.
    raw.write(text, length === text.length ? 'latin1' : 'utf8');
    raw.socket?.uncork();
    raw.end();
  }
}

function addHeaders(lines: string[], headers: Readonly<Record<string, number | string | string[] | undefined>>): void {
  for (const [name, value] of Object.entries(headers)) {
    for (const one of [value ?? []].flat()) lines.push(name, String(one));
  }
}
