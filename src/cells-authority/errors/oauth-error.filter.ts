import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { TokenReply } from '../token-reply.js';
import { OAuthError } from './oauth-error.js';

/** Writes OAuth error responses (RFC 6749 §5.2). */
@Catch(OAuthError)
export class OAuthErrorFilter implements ExceptionFilter<OAuthError> {
  constructor(private readonly reply: TokenReply) {}

  catch(error: OAuthError, host: ArgumentsHost): void {
    this.reply.sendError(host.switchToHttp().getResponse(), error);
  }
}
