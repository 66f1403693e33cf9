import {
  Controller,
  Delete,
  Get,
  Options,
  Patch,
  Post,
  Put,
  Req,
  Res,
  type Type,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { CellsAuthorityController } from './cells-authority.controller.js';
import { type HttpRequest } from './client-credentials/http-request.js';
import { methodNotAllowed } from './errors/oauth-errors.js';
import { TokenRoute } from './host-adapters/token-route.js';
import { PUBLISHED_PATH, type SdkPath, type TokenPath } from './token-paths.js';
import { PlatformReply, type PlatformResponse } from './token-reply.js';
import { TokenResponder } from './token-responder.js';

/**
 * The controllers of the paths that a module serves. Each module gets its own classes, so that one application's
 * decorators do not affect another application in the same process.
 */
export function tokenControllers(paths: readonly TokenPath[], decorators: readonly ClassDecorator[]): Type[] {
  const controllers = paths.flatMap((path) => [
    path === PUBLISHED_PATH ? publishedController(decorators) : sdkController(path),
    otherMethodsController(path),
  ]);
  for (const controller of controllers) for (const decorate of decorators) decorate(controller);
  return controllers;
}

/** The class itself if there are no decorators, because hosts compare with it in their guards. */
function publishedController(decorators: readonly ClassDecorator[]): Type {
  if (decorators.length === 0) return CellsAuthorityController;
  class DecoratedController extends CellsAuthorityController {}
  return DecoratedController;
}

function sdkController(path: SdkPath): Type {
  @Controller({ path, version: VERSION_NEUTRAL })
  class SdkTokenController {
    constructor(private readonly responder: TokenResponder) {}

    @Post()
    @TokenRoute()
    postSdkToken(@Req() request: HttpRequest, @Res() response: PlatformResponse): void | Promise<void> {
      return this.responder.respond(request, new PlatformReply(response), path);
    }
  }
  return SdkTokenController;
}

/**
 * Answers 405 where a router would answer 404 and repeat the URL with its secret. `@All()` cannot be used, because
 * Fastify refuses it beside `@Post()`. HEAD is routed like GET.
 */
function otherMethodsController(path: TokenPath): Type {
  @Controller({ path, version: VERSION_NEUTRAL })
  class OtherMethodsController {
    constructor(private readonly responder: TokenResponder) {}

    @Get()
    @TokenRoute()
    refuseGet(@Req() request: HttpRequest, @Res() response: PlatformResponse): void {
      this.#refuse(request, response);
    }

    @Put()
    @TokenRoute()
    refusePut(@Req() request: HttpRequest, @Res() response: PlatformResponse): void {
      this.#refuse(request, response);
    }

    @Patch()
    @TokenRoute()
    refusePatch(@Req() request: HttpRequest, @Res() response: PlatformResponse): void {
      this.#refuse(request, response);
    }

    @Delete()
    @TokenRoute()
    refuseDelete(@Req() request: HttpRequest, @Res() response: PlatformResponse): void {
      this.#refuse(request, response);
    }

    @Options()
    @TokenRoute()
    refuseOptions(@Req() request: HttpRequest, @Res() response: PlatformResponse): void {
      this.#refuse(request, response);
    }

    #refuse(request: HttpRequest, response: PlatformResponse): void {
      this.responder.refuse(request, new PlatformReply(response), path, methodNotAllowed());
    }
  }
  return OtherMethodsController;
}
