import { Controller, Delete, Get, Options, Patch, Put, UseFilters, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { OAuthErrorFilter } from './errors/oauth-error.filter.js';
import { methodNotAllowed } from './errors/oauth-errors.js';
import { TokenRoute } from './host-adapters/token-route.js';
import { PUBLISHED_PATH, SDK_PATHS } from './token-paths.js';

const PATHS = [PUBLISHED_PATH, ...SDK_PATHS];

/**
 * Answers 405 where a router would say 404 and repeat the URL with its secret. `@All()` is not for this: Fastify refuses
 * it beside `@Post()`. HEAD goes where GET goes.
 */
@ApiExcludeController()
@Controller({ version: VERSION_NEUTRAL })
@UseFilters(OAuthErrorFilter)
export class OtherMethodsController {
  @Get(PATHS)
  @TokenRoute()
  refuseGet(): never {
    throw methodNotAllowed();
  }

  @Put(PATHS)
  @TokenRoute()
  refusePut(): never {
    throw methodNotAllowed();
  }

  @Patch(PATHS)
  @TokenRoute()
  refusePatch(): never {
    throw methodNotAllowed();
  }

  @Delete(PATHS)
  @TokenRoute()
  refuseDelete(): never {
    throw methodNotAllowed();
  }

  @Options(PATHS)
  @TokenRoute()
  refuseOptions(): never {
    throw methodNotAllowed();
  }
}
