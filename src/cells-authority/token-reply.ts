import { type OAuthError } from './errors/oauth-error.js';
import { type TokenAnswer } from './token-cache/token-answer.js';

/** RFC 6749 §5.1 demands the cache headers of every reply that may hold a token. */
export const TOKEN_REPLY_HEADERS = {
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  Pragma: 'no-cache',
} as const;

/** What Express' response and Fastify's reply have in common. */
interface HttpReply {
  status(code: number): this;
  /** Fastify's way to set a header. Express has it as well, and adds a charset that JSON does not have. */
  header(name: string, value: string): unknown;
  /** Express' way, and Node's. */
  setHeader?(name: string, value: string): unknown;
  send(body: Buffer): unknown;
}

/** The response of either platform, as `@Res()` gives it. */
export type PlatformResponse = HttpReply;

/** Sends the answer once it is there; an error is for the filter. */
export async function sendToken(reply: HttpReply, answer: TokenAnswer | Promise<TokenAnswer>): Promise<void> {
  const { text } = await answer;
  send(reply, 200, TOKEN_REPLY_HEADERS, text);
}

/** Sends an OAuth error response (RFC 6749 §5.2). */
export function sendError(reply: HttpReply, error: OAuthError): void {
  send(reply, error.status, { ...TOKEN_REPLY_HEADERS, ...error.headers }, error.body);
}

/** Written directly: an envelope that a host's interceptors put around every answer is nothing that SDKs can read. */
function send(reply: HttpReply, status: number, headers: Readonly<Record<string, string>>, body: string): void {
  for (const [name, value] of Object.entries(headers)) {
    if (reply.setHeader === undefined) reply.header(name, value);
    else reply.setHeader(name, value);
  }
  // Bytes, because both platforms add a charset to text.
  reply.status(status).send(Buffer.from(body));
}
