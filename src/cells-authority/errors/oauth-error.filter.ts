import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { errorContent, PlatformReply, type PlatformResponse } from '../token-reply.js';
import { OAuthError } from './oauth-error.js';

/** Writes OAuth error responses (RFC 6749 §5.2). */
@Catch(OAuthError)
export class OAuthErrorFilter implements ExceptionFilter<OAuthError> {
  catch(error: OAuthError, host: ArgumentsHost): void {
    new PlatformReply(host.switchToHttp().getResponse<PlatformResponse>()).send(errorContent(error));
  }
}
