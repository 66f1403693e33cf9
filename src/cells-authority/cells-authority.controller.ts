import { Controller, Post, Res, UseFilters, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiTags } from '@nestjs/swagger';
import { CellsAuthorityService } from './cells-authority.service.js';
import { type TokenRequest } from './client-credentials/client-credentials.js';
import { TokenRequestPipe, TokenRequestSource } from './client-credentials/token-request.pipe.js';
import { ApiPostAccessToken } from './dto/post-access-token.api.js';
import { OAuthErrorFilter } from './errors/oauth-error.filter.js';
import { TokenRoute } from './host-adapters/token-route.js';
import { PUBLISHED_PATH, SDK_PATHS } from './token-paths.js';
import { type PlatformResponse, sendToken } from './token-reply.js';

/** `CellsAuthorityController` of Aspose.Cells Cloud: one operation, on the paths its clients know. */
// On the class, or Nest adds a tag of its own making.
@ApiTags('CellsAuthorityController')
@Controller({ version: VERSION_NEUTRAL })
@UseFilters(OAuthErrorFilter)
export class CellsAuthorityController {
  constructor(private readonly authority: CellsAuthorityService) {}

  @Post(PUBLISHED_PATH)
  @TokenRoute()
  @ApiPostAccessToken()
  postAccessToken(
    @TokenRequestSource(TokenRequestPipe) request: TokenRequest,
    @Res() response: PlatformResponse,
  ): Promise<void> {
    return sendToken(response, this.authority.answer(request, 'published'));
  }

  @Post(SDK_PATHS)
  @TokenRoute()
  @ApiExcludeEndpoint()
  postSdkToken(
    @TokenRequestSource(TokenRequestPipe) request: TokenRequest,
    @Res() response: PlatformResponse,
  ): Promise<void> {
    return sendToken(response, this.authority.answer(request, 'sdk'));
  }
}
