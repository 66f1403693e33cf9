import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type OAuthError } from './errors/oauth-error.js';
import { type TokenAnswer } from './token-cache/token-cache.js';

/** RFC 6749 §5.1 demands the cache headers of every reply that may hold a token. */
const HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', Pragma: 'no-cache' };

/**
 * Writes replies as they are, on Express and Fastify alike. A host's interceptors that wrap every answer in an envelope
 * must not touch these: SDKs read them.
 */
@Injectable()
export class TokenReply {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Sends the answer once it is there; an error is for the filter. */
  async send(response: unknown, answer: Promise<TokenAnswer>): Promise<void> {
    const { text } = await answer;
    this.#write(response, 200, {}, text);
  }

  sendError(response: unknown, error: OAuthError): void {
    this.#write(response, error.status, error.headers, error.body);
  }

  #write(response: unknown, status: number, headers: Record<string, string>, body: string): void {
    const { httpAdapter } = this.adapterHost;
    for (const [name, value] of Object.entries({ ...HEADERS, ...headers }))
      httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, body, status);
  }
}
