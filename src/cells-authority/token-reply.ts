import { type ServerResponse } from 'node:http';
import { type OAuthError } from './errors/oauth-error.js';

/** RFC 6749 §5.1 requires these cache headers on every response that contains a token. */
export const TOKEN_REPLY_HEADERS = {
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  Pragma: 'no-cache',
} as const;

/** The answer to a token request. */
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

/** Where the answer to a token request goes. */
export interface TokenReply {
  send(content: TokenReplyContent): void;
  /** The status of an answer that was already sent elsewhere, for example because the service is stopping. */
  readonly answeredStatus: number | undefined;
  /** `Access-Control-Allow-Origin`, if set: whose pages may read the answer. */
  readonly allowedOrigin: unknown;
}

/** What Express' response and Fastify's reply have in common, as `@Res()` gives them. */
export interface PlatformResponse {
  status(code: number): this;
  /** Sets a header on Fastify. Express has it as well, but adds a charset, which JSON must not have. */
  header(name: string, value: string): unknown;
  /** Sets a header on Express, as in Node. */
  setHeader?(name: string, value: string): unknown;
  getHeader(name: string): unknown;
  send(body: Buffer): unknown;
  /** Node's own response, on Fastify. */
  readonly raw?: ServerResponse;
  /** On Express, whose response is Node's own. */
  readonly headersSent?: boolean;
  readonly statusCode: number;
}

/** Answers through the host's platform, so that the host's headers, hooks and logs apply. */
export class PlatformReply implements TokenReply {
  constructor(private readonly response: PlatformResponse) {}

  get answeredStatus(): number | undefined {
    const { statusCode, headersSent } = this.response.raw ?? this.response;
    return headersSent === true ? statusCode : undefined;
  }

  get allowedOrigin(): unknown {
    return this.response.getHeader('access-control-allow-origin');
  }

  /** Writes directly, because SDKs could not read an answer that the host's interceptors have wrapped. */
  send({ status, headers, text }: TokenReplyContent): void {
    const { response } = this;
    for (const [name, value] of Object.entries({ ...TOKEN_REPLY_HEADERS, ...headers })) {
      if (response.setHeader === undefined) response.header(name, value);
      else response.setHeader(name, value);
    }
    // Bytes, because both platforms would add a charset to text.
    response.status(status).send(Buffer.from(text));
  }
}
