import { type IncomingHttpHeaders } from 'node:http';
import { type HttpRequest } from '../client-credentials/http-request.js';
import { methodNotAllowed } from '../errors/oauth-errors.js';
import { type TokenPath, tokenPathAt } from '../token-paths.js';
import { PlatformReply, type PlatformResponse } from '../token-reply.js';
import { type TokenResponder } from '../token-responder.js';
import { isTokenRouteConfig, ROUTED_METHODS } from './token-route.js';

/** The headers that make Fastify look for a body. */
const BODY_HEADERS = ['content-type', 'content-length', 'transfer-encoding'] as const;
/** Where a request has its hidden headers: a WeakMap would keep every one of them until old objects are collected. */
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

/** Fastify's instance, as far as it matters here. */
export interface FastifyApplication {
  decorateRequest(name: symbol, value: undefined): void;
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
  addHook(name: 'onRequest', hook: FastifyHook): void;
}

/**
 * Keeps the bodies of token requests from the host's parsers, which refuse an empty JSON body and all types that they do
 * not know, and are set up for the host's own routes: Fastify is not shown that there is a body until it has passed the
 * point at which it would parse it.
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
  // Fastify has no routes for other methods at all, and so says 404 to them.
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
  // Deleted, each of them would slow down every later look at the headers.
  for (const name of BODY_HEADERS) if (headers[name] !== undefined) headers[name] = undefined;
  done();
}

function showBody(request: FastifyRequest, _reply: PlatformResponse, done: () => void): void {
  const { headers, [HIDDEN_HEADERS]: hidden = {} } = request;
  for (const name of BODY_HEADERS) if (hidden[name] !== undefined) headers[name] = hidden[name];
  done();
}

/** Matches what a route's URL does: the host's prefixes may have parameters. */
function patternOf(url: string): RegExp {
  const escaped = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/:[^/]+/g, '[^/]+')}$`);
}

/** The path of a request target, in absolute form or not, with single slashes. */
function plainPath(target: string): string {
  return target
    .replace(/^https?:\/\/[^/?#]*/i, '')
    .replace(/[?#].*$/s, '')
    .replace(/\/{2,}/g, '/');
}

function hooks(given: FastifyHook | FastifyHook[] | undefined): FastifyHook[] {
  return given === undefined ? [] : [given].flat();
}
