import { Controller, Delete, Get, Options, Patch, Put, UseFilters, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { OAuthErrorFilter } from './errors/oauth-error.filter.js';
import { methodNotAllowed } from './errors/oauth-errors.js';
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
  refuseGet(): never {
    throw methodNotAllowed();
  }

  @Put(PATHS)
  refusePut(): never {
    throw methodNotAllowed();
  }

  @Patch(PATHS)
  refusePatch(): never {
    throw methodNotAllowed();
  }

  @Delete(PATHS)
  refuseDelete(): never {
    throw methodNotAllowed();
  }

  @Options(PATHS)
  refuseOptions(): never {
    throw methodNotAllowed();
  }
}
