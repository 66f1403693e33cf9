import { createParamDecorator, type ExecutionContext, Inject, Injectable, type PipeTransform } from '@nestjs/common';
import { AUTHORITY_OPTIONS, type AuthorityOptions } from '../cells-authority.options.js';
import { type TokenRequest } from './client-credentials.js';
import { type HttpRequest } from './http-request.js';
import { readTokenRequest } from './token-request.reader.js';
import { validateTokenRequest } from './token-request.validation.js';

/** Hands the HTTP request itself to the pipe: a token request may sit in its query, its body or its headers. */
export const TokenRequestSource = createParamDecorator((_data: unknown, context: ExecutionContext): HttpRequest =>
  context.switchToHttp().getRequest<HttpRequest>(),
);

/** Turns an HTTP request into a valid token request, on Express and Fastify alike. */
@Injectable()
export class TokenRequestPipe implements PipeTransform<HttpRequest, TokenRequest> {
  constructor(@Inject(AUTHORITY_OPTIONS) private readonly options: AuthorityOptions) {}

  transform(request: HttpRequest): TokenRequest {
    const tokenRequest = readTokenRequest(request, this.options.queryCredentials);
    validateTokenRequest(tokenRequest.credentials, tokenRequest.scope, tokenRequest.grantType);
    return tokenRequest;
  }
}
