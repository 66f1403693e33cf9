import { type HttpServer } from '@nestjs/common';
import { type TokenPath } from '../token-paths.js';
import { type TokenResponder } from '../token-responder.js';
import { type ExpressApplication, readExpressBodies } from './express-bodies.js';
import { type FastifyApplication, keepFastifyBodies } from './fastify-bodies.js';

/** Adapters that serve the operation. */
const serving = new WeakSet<HttpServer>();

/**
 * Makes token requests mean the same on every host: keeps their bodies from the host's parsers, limits and body options,
 * which are there for its other routes. To be called before Nest adds the routes.
 *
 * @throws Error when another module serves the operation already: their routes are the same.
 */
export function keepTokenBodies(httpAdapter: HttpServer, responder: TokenResponder, paths: readonly TokenPath[]): void {
  if (serving.has(httpAdapter)) {
    // Fastify would refuse the routes, and Express quietly serve those of the module that came first.
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
