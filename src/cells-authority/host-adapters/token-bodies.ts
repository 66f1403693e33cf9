import { type HttpServer } from '@nestjs/common';
import { type ExpressApplication, takeExpressBodies } from './express-token-routes.js';
import { type FastifyApplication, takeFastifyBodies } from './fastify-token-routes.js';

/** Two modules in one application must not read one body twice. */
const taken = new WeakSet<HttpServer>();

/**
 * Makes token requests mean the same on every host: their bodies reach the controllers as text, whatever parsers, limits
 * and body options the host has chosen for its other routes. To be called before Nest adds the routes.
 */
export function takeTokenBodies(httpAdapter: HttpServer): void {
  if (taken.has(httpAdapter)) return;
  taken.add(httpAdapter);
  if (httpAdapter.getType() === 'fastify') takeFastifyBodies(httpAdapter.getInstance() as FastifyApplication);
  else takeExpressBodies(httpAdapter.getInstance() as ExpressApplication);
}
