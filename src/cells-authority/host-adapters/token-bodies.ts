import { type HttpServer } from '@nestjs/common';
import { type ExpressApplication, takeExpressBodies } from './express-token-routes.js';
import { type FastifyApplication, takeFastifyBodies } from './fastify-token-routes.js';

/** Adapters that serve the operation. */
const taken = new WeakSet<HttpServer>();

/**
 * Makes token requests mean the same on every host: their bodies reach the controllers as text, whatever parsers, limits
 * and body options the host has chosen for its other routes. To be called before Nest adds the routes.
 *
 * @throws Error when another module serves the operation already: their routes are the same.
 */
export function takeTokenBodies(httpAdapter: HttpServer): void {
  if (taken.has(httpAdapter)) {
    // Fastify would refuse the routes, and Express quietly serve those of the module that came first.
    throw new Error(
      'CellsAuthorityModule: two modules of one application serve the operation; set controller: false on all but one',
    );
  }
  taken.add(httpAdapter);
  if (httpAdapter.getType() === 'fastify') takeFastifyBodies(httpAdapter.getInstance() as FastifyApplication);
  else takeExpressBodies(httpAdapter.getInstance() as ExpressApplication);
}
