import { type HttpServer } from '@nestjs/common';
import { type TokenPath } from '../token-paths.js';
import { type TokenResponder } from '../token-responder.js';
import { type ExpressApplication, readExpressBodies } from './express-bodies.js';
import { type FastifyApplication, keepFastifyBodies } from './fastify-bodies.js';

/** Adapters that serve the operation. */
const serving = new WeakSet<HttpServer>();

/**
 * Makes token requests work the same on every host: keeps their bodies away from the host's parsers, limits and body
 * options, which are meant for its other routes. Must be called before Nest adds the routes.
 *
 * @throws Error when another module already serves the operation, because their routes would collide.
 */
export function keepTokenBodies(httpAdapter: HttpServer, responder: TokenResponder, paths: readonly TokenPath[]): void {
  if (serving.has(httpAdapter)) {
    // Otherwise Fastify would refuse the routes, and Express silently serve those of the first module.
    throw new Error(
      'CellsAuthorityModule: two modules of one application serve the operation; set controller: false on all but one',
    );
  }
  serving.add(httpAdapter);
  if (httpAdapter.getType() === 'fastify') {
    keepFastifyBodies(httpAdapter.getInstance() as FastifyApplication, responder, paths);
  } else {
    readExpressBodies(httpAdapter.getInstance() as ExpressApplication, responder, paths);
  }
}
