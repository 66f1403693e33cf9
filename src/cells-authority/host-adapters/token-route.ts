import { applyDecorators, SetMetadata } from '@nestjs/common';

/** What `@RouteConfig()` of `@nestjs/platform-fastify` sets, which an Express host does not have. */
const FASTIFY_ROUTE_CONFIG = '__fastify_route_config__';
const TOKEN_ROUTE = 'cellsAuthority:tokenRoute';

/** Methods that the controllers answer; Nest's answer to others repeats the URL, and the secret in it. */
export const ROUTED_METHODS: ReadonlySet<string> = new Set([
  'POST',
  'GET',
  'HEAD',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/** Marks the routes whose bodies this library reads itself, wherever the host's prefixes have put them. */
export function TokenRoute(): MethodDecorator {
  return applyDecorators(SetMetadata(TOKEN_ROUTE, true), SetMetadata(FASTIFY_ROUTE_CONFIG, { [TOKEN_ROUTE]: true }));
}

/** Whether an Express route's function is one of the marked ones: Nest copies their metadata to it. */
export function isTokenHandler(handler: object): boolean {
  return Reflect.getMetadata(TOKEN_ROUTE, handler) === true;
}

/** Whether a Fastify route's configuration is that of a marked one. */
export function isTokenRouteConfig(config: unknown): boolean {
  return typeof config === 'object' && config !== null && TOKEN_ROUTE in config;
}
