import { Controller, Post, Req, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type HttpRequest } from './client-credentials/http-request.js';
import { ApiPostAccessToken } from './dto/post-access-token.api.js';
import { TokenRoute } from './host-adapters/token-route.js';
import { PUBLISHED_PATH } from './token-paths.js';
import { PlatformReply, type PlatformResponse } from './token-reply.js';
import { TokenResponder } from './token-responder.js';

/** `CellsAuthorityController` of Aspose.Cells Cloud: the one operation that it publishes. */
// On the class, or Nest adds a tag of its own making.
@ApiTags('CellsAuthorityController')
@Controller({ path: PUBLISHED_PATH, version: VERSION_NEUTRAL })
export class CellsAuthorityController {
  constructor(private readonly responder: TokenResponder) {}

  @Post()
  @TokenRoute()
  @ApiPostAccessToken()
  postAccessToken(@Req() request: HttpRequest, @Res() response: PlatformResponse): void | Promise<void> {
    return this.responder.respond(request, new PlatformReply(response), PUBLISHED_PATH);
  }
}
