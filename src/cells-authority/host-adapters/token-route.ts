import { applyDecorators, SetMetadata } from '@nestjs/common';

/** The metadata key of `@RouteConfig()` in `@nestjs/platform-fastify`, which Express hosts do not install. */
const FASTIFY_ROUTE_CONFIG = '__fastify_route_config__';
const TOKEN_ROUTE = 'cellsAuthority:tokenRoute';

/** Methods that the controllers answer. Nest's own answer to others would repeat the URL with its secret. */
export const ROUTED_METHODS: ReadonlySet<string> = new Set([
  'POST',
  'GET',
  'HEAD',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/** Marks the routes whose bodies this library reads itself, whatever prefixes the host has given them. */
export function TokenRoute(): MethodDecorator {
  return applyDecorators(SetMetadata(TOKEN_ROUTE, true), SetMetadata(FASTIFY_ROUTE_CONFIG, { [TOKEN_ROUTE]: true }));
}

/** Whether an Express route's handler is a marked one: Nest copies the metadata to it. */
export function isTokenHandler(handler: object): boolean {
  return Reflect.getMetadata(TOKEN_ROUTE, handler) === true;
}

/** Whether a Fastify route's configuration is that of a marked route. */
export function isTokenRouteConfig(config: unknown): boolean {
  return typeof config === 'object' && config !== null && TOKEN_ROUTE in config;
}
