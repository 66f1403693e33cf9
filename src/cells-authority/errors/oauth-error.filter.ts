import { type ArgumentsHost, Catch, type ExceptionFilter, HttpStatus } from '@nestjs/common';
import { errorContent, PlatformReply, type PlatformResponse } from '../token-reply.js';
import { OAuthError } from './oauth-error.js';

/**
 * Answers with the OAuth error response itself (RFC 6749 §5.2) and its status. For routes of yours that hand out tokens
 * for the caller's own credentials.
 */
@Catch(OAuthError)
export class OAuthErrorFilter implements ExceptionFilter<OAuthError> {
  catch(error: OAuthError, host: ArgumentsHost): void {
    new PlatformReply(host.switchToHttp().getResponse<PlatformResponse>()).send(errorContent(error));
  }
}

/** Statuses after which another try makes sense. */
const PASSING: ReadonlySet<number> = new Set([
  HttpStatus.TOO_MANY_REQUESTS,
  HttpStatus.SERVICE_UNAVAILABLE,
  HttpStatus.GATEWAY_TIMEOUT,
]);

/**
 * Answers 503 with `Retry-After` while there is no token, and 502 when the application's own credentials are refused.
 * For all your other routes, because their callers are not to blame. The body is that of Nest's own errors.
 */
@Catch(OAuthError)
export class TokenUnavailableFilter implements ExceptionFilter<OAuthError> {
  catch({ status, retryAfter }: OAuthError, host: ArgumentsHost): void {
    const passing = PASSING.has(status);
    const statusCode = passing ? HttpStatus.SERVICE_UNAVAILABLE : HttpStatus.BAD_GATEWAY;
    const text = JSON.stringify({ statusCode, message: passing ? 'Service Unavailable' : 'Bad Gateway' });
    new PlatformReply(host.switchToHttp().getResponse<PlatformResponse>()).send({
      status: statusCode,
      headers: passing && retryAfter !== undefined ? { 'Retry-After': String(retryAfter) } : {},
      text,
      length: Buffer.byteLength(text),
    });
  }
}
