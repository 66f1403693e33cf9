import { type FastifyInstance, type FastifyReply, type onRequestHookHandler } from 'fastify';
import {
  PUBLISHED_PATH,
  SDK_PATHS,
  TOKEN_REPLY_HEADERS,
  type TokenPath,
  type TokenReply,
  type TokenReplyContent,
  type TokenResponder,
} from '../cells-authority/index.js';

/** The paths of the token routes, as Fastify knows them. */
export const TOKEN_ROUTES: ReadonlyMap<string, TokenPath> = new Map(
  [PUBLISHED_PATH, ...SDK_PATHS].map((path) => [`/${path}`, path]),
);

/**
 * Answers all token requests ahead of Nest's pipeline of guards, pipes and filters, which has nothing to do for them and
 * costs more than a kept token, and as much as a request to the authorization server.
 *
 * To be called before Nest adds its routes; the responder is asked for with the first request.
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

/** Writes straight to Node's response: Fastify's way of sending looks at the payload from all sides first. */
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

  /** Head and body leave in one write, an eighth of the request cheaper than with `end(text)`, which makes two. */
  send({ status, headers, text, length }: TokenReplyContent): void {
    const { reply } = this;
    const { raw, request } = reply;
    const lines = [...this.constantHeaders, 'X-Request-Id', request.id, 'Content-Length', String(length)];
    // What CORS has to say to a page.
    if (request.headers.origin !== undefined) addHeaders(lines, reply.getHeaders());
    if (headers !== undefined) addHeaders(lines, headers);
    reply.hijack();
    raw.writeHead(status, lines);
    raw.socket?.cork();
    // One byte a character: text that is ASCII need not be encoded.
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
