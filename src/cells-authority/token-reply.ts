import { type ServerResponse } from 'node:http';
import { type OAuthError } from './errors/oauth-error.js';

/** RFC 6749 §5.1 demands the cache headers of every reply that may hold a token. */
export const TOKEN_REPLY_HEADERS = {
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  Pragma: 'no-cache',
} as const;

/** What a token request is answered with. */
export interface TokenReplyContent {
  readonly status: number;
  /** Headers beside {@link TOKEN_REPLY_HEADERS}, which every reply has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly text: string;
  /** Bytes of the text in UTF-8. */
  readonly length: number;
}

/** An OAuth error response (RFC 6749 §5.2). */
export function errorContent({ status, headers, body: text }: OAuthError): TokenReplyContent {
  return { status, headers, text, length: Buffer.byteLength(text) };
}

/** The way back to whoever sent a token request. */
export interface TokenReply {
  send(content: TokenReplyContent): void;
  /** The status of an answer that somebody else has sent already: while the service stops, say. */
  readonly answeredStatus: number | undefined;
  /** `Access-Control-Allow-Origin`, as far as it is set: whose pages may read the answer. */
  readonly allowedOrigin: unknown;
}

/** What Express' response and Fastify's reply have in common, as `@Res()` gives them. */
export interface PlatformResponse {
  status(code: number): this;
  /** Fastify's way to set a header. Express has it as well, and adds a charset that JSON does not have. */
  header(name: string, value: string): unknown;
  /** Express' way, and Node's. */
  setHeader?(name: string, value: string): unknown;
  getHeader(name: string): unknown;
  send(body: Buffer): unknown;
  /** Fastify's way to Node's own response. */
  readonly raw?: ServerResponse;
  /** Express' response is Node's own response. */
  readonly headersSent?: boolean;
  readonly statusCode: number;
}

/** Answers through the host's platform, and so with the headers, hooks and logs of the host. */
export class PlatformReply implements TokenReply {
  constructor(private readonly response: PlatformResponse) {}

  get answeredStatus(): number | undefined {
    const { statusCode, headersSent } = this.response.raw ?? this.response;
    return headersSent === true ? statusCode : undefined;
  }

  get allowedOrigin(): unknown {
    return this.response.getHeader('access-control-allow-origin');
  }

  /** Written directly: an envelope that a host's interceptors put around every answer is nothing that SDKs can read. */
  send({ status, headers, text }: TokenReplyContent): void {
    const { response } = this;
    for (const [name, value] of Object.entries({ ...TOKEN_REPLY_HEADERS, ...headers })) {
      if (response.setHeader === undefined) response.header(name, value);
      else response.setHeader(name, value);
    }
    // Bytes, because both platforms add a charset to text.
    response.status(status).send(Buffer.from(text));
  }
}
