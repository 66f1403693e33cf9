import { type IncomingHttpHeaders } from 'node:http';
import { type HttpRequest } from '../client-credentials/http-request.js';
import { methodNotAllowed } from '../errors/oauth-errors.js';
import { type TokenPath, tokenPathAt } from '../token-paths.js';
import { PlatformReply, type PlatformResponse } from '../token-reply.js';
import { type TokenResponder } from '../token-responder.js';
import { isTokenRouteConfig, ROUTED_METHODS } from './token-route.js';

/** The headers that make Fastify look for a body. */
const BODY_HEADERS = ['content-type', 'content-length', 'transfer-encoding'] as const;
/** A property of the request, because entries of a WeakMap live until V8 collects old objects. */
const HIDDEN_HEADERS = Symbol('hidden headers');

interface FastifyRequest extends HttpRequest {
  readonly headers: IncomingHttpHeaders;
  readonly is404: boolean;
  [HIDDEN_HEADERS]: Readonly<IncomingHttpHeaders> | undefined;
}

type FastifyHook = (request: FastifyRequest, reply: PlatformResponse, done: () => void) => void;

interface FastifyRoute {
  readonly url: string;
  readonly config?: unknown;
  onRequest?: FastifyHook | FastifyHook[];
  preValidation?: FastifyHook | FastifyHook[];
}

/** The part of Fastify's instance that is used here. */
export interface FastifyApplication {
  decorateRequest(name: symbol, value: undefined): void;
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
  addHook(name: 'onRequest', hook: FastifyHook): void;
}

/**
 * Keeps the bodies of token requests away from the host's parsers, which refuse empty JSON bodies and unknown types,
 * and are configured for the host's own routes. The headers that announce a body are hidden until Fastify is past the
 * point where it would parse it.
 */
export function keepFastifyBodies(
  fastify: FastifyApplication,
  responder: TokenResponder,
  paths: readonly TokenPath[],
): void {
  const served: { readonly pattern: RegExp; readonly path: TokenPath }[] = [];
  fastify.decorateRequest(HIDDEN_HEADERS, undefined);
  fastify.addHook('onRoute', (route) => {
    if (!isTokenRouteConfig(route.config)) return;
    const path = tokenPathAt(route.url, paths);
    if (path !== undefined) served.push({ pattern: patternOf(route.url), path });
    route.onRequest = [...hooks(route.onRequest), hideBody];
    route.preValidation = [showBody, ...hooks(route.preValidation)];
  });
  // Fastify cannot have routes for other methods, and answers 404.
  fastify.addHook('onRequest', (request, reply, done) => {
    const route =
      request.is404 && !ROUTED_METHODS.has(request.method)
        ? served.find(({ pattern }) => pattern.test(plainPath(request.originalUrl)))
        : undefined;
    if (route === undefined) done();
    else responder.refuse(request, new PlatformReply(reply), route.path, methodNotAllowed());
  });
}

function hideBody(request: FastifyRequest, _reply: PlatformResponse, done: () => void): void {
  const { headers } = request;
  request[HIDDEN_HEADERS] = Object.fromEntries(BODY_HEADERS.map((name) => [name, headers[name]]));
  // Set to undefined, because deleting properties would slow down every later access to the headers.
  for (const name of BODY_HEADERS) if (headers[name] !== undefined) headers[name] = undefined;
  done();
}

function showBody(request: FastifyRequest, _reply: PlatformResponse, done: () => void): void {
  const { headers, [HIDDEN_HEADERS]: hidden = {} } = request;
  for (const name of BODY_HEADERS) if (hidden[name] !== undefined) headers[name] = hidden[name];
  done();
}

/** Matches the same paths as a route's URL, in which the host's prefix may have parameters. */
function patternOf(url: string): RegExp {
  const escaped = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/:[^/]+/g, '[^/]+')}$`);
}

/** The path of a request target (in absolute form or not), with single slashes. */
function plainPath(target: string): string {
  return target
    .replace(/^https?:\/\/[^/?#]*/i, '')
    .replace(/[?#].*$/s, '')
    .replace(/\/{2,}/g, '/');
}

function hooks(given: FastifyHook | FastifyHook[] | undefined): FastifyHook[] {
  return given === undefined ? [] : [given].flat();
}
