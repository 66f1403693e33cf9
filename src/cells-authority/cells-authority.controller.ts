import { Controller, Post, Req, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { type HttpRequest } from './client-credentials/http-request.js';
import { TokenRoute } from './host-adapters/token-route.js';
import { PUBLISHED_PATH } from './token-paths.js';
import { PlatformReply, type PlatformResponse } from './token-reply.js';
import { TokenResponder } from './token-responder.js';

/** `CellsAuthorityController` of Aspose.Cells Cloud, with the one operation that it publishes. */
@Controller({ path: PUBLISHED_PATH, version: VERSION_NEUTRAL })
export class CellsAuthorityController {
  constructor(private readonly responder: TokenResponder) {}

  @Post()
  @TokenRoute()
  postAccessToken(@Req() request: HttpRequest, @Res() response: PlatformResponse): void | Promise<void> {
    return this.responder.respond(request, new PlatformReply(response), PUBLISHED_PATH);
  }
}
