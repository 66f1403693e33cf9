import { type IncomingMessage } from 'node:http';
import { announcesBody, type HttpRequest } from '../client-credentials/http-request.js';
import { OAuthError } from '../errors/oauth-error.js';
import { methodNotAllowed } from '../errors/oauth-errors.js';
import { type TokenPath, tokenPathAt } from '../token-paths.js';
import { PlatformReply, type PlatformResponse } from '../token-reply.js';
import { type TokenResponder } from '../token-responder.js';
import { readBodyText } from './body-text.js';
import { isTokenHandler, ROUTED_METHODS } from './token-route.js';

interface ExpressRequest extends IncomingMessage, HttpRequest {
  url: string;
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: string[];
  body?: unknown;
  /** How body-parser 1, which came with the first versions of Nest 11, knows a body that has been read. */
  _body?: boolean;
  readonly raw?: never;
}

/** A middleware or a route of Express' router. What `match` returns differs between its versions, its truth does not. */
interface ExpressLayer {
  readonly route?: { readonly stack: readonly { readonly handle: object }[] };
  match(path: string): unknown;
}

type ExpressMiddleware = (request: ExpressRequest, response: PlatformResponse, next: (error?: unknown) => void) => void;

/** Express' application, as far as it matters here. */
export interface ExpressApplication {
  use(middleware: ExpressMiddleware): void;
  readonly router: { readonly stack: ExpressLayer[] };
}

/**
 * Reads the bodies of token requests ahead of the host's parsers, which leave a body alone that has been read: they
 * repeat broken JSON in their errors, and are set up for the host's own routes.
 */
export function readExpressBodies(
  express: ExpressApplication,
  responder: TokenResponder,
  paths: readonly TokenPath[],
): void {
  let routes: readonly ExpressLayer[] = [];
  const isTokenPath = (path: string): boolean => {
    if (tokenPathAt(path, paths) === undefined) return false;
    if (routes.length === 0) {
      // Nest adds its routes later than this.
      routes = express.router.stack.filter(({ route }) => route?.stack.some(({ handle }) => isTokenHandler(handle)));
    }
    return routes.some((layer) => layer.match(singleSlashed(path)));
  };

  express.use((request, response, next) => {
    const refuse = (error: OAuthError): void => {
      const path = tokenPathAt(splitUrl(request.url).path, paths) ?? paths[0];
      if (path !== undefined) responder.refuse(request, new PlatformReply(response), path, error);
    };
    collapseSlashes(request);
    if (!ROUTED_METHODS.has(request.method)) {
      refuse(methodNotAllowed());
      return;
    }
    // Read already, by whatever runs Express: then what it made of the body is all there is.
    if (!announcesBody(request.headers) || request.readableEnded || request.body !== undefined) {
      next();
      return;
    }
    readBodyText(request).then(
      (text) => {
        request.body = text;
        request._body = true;
        next();
      },
      (error: unknown) => {
        if (error instanceof OAuthError) refuse(error);
        else next(error);
      },
    );
  });
  const reader = moveLastToFront(express.router.stack);
  const matchAny = reader.match.bind(reader);
  // The router asks with the path that it will route by. Nothing read from the URL here could be sure to be the same: it
  // may be in absolute form, have a fragment, or belong to an application that this one is mounted in.
  reader.match = (path) => isTokenPath(path) && matchAny(path);
}

/** A base URL that ends in a slash makes SDKs send two. */
function singleSlashed(path: string): string {
  return path.replace(/\/{2,}/g, '/');
}

function collapseSlashes(request: ExpressRequest): void {
  const { origin, path, rest } = splitUrl(request.url);
  const collapsed = singleSlashed(path);
  if (collapsed !== path) request.url = origin + collapsed + rest;
}

/** The origin is there in the absolute form of a request target alone (RFC 9112 §3.2.2). */
function splitUrl(url: string): { origin: string; path: string; rest: string } {
  const [, origin = '', path = '', rest = ''] = /^([a-z][a-z\d+.-]*:\/\/[^/?#]*)?([^?#]*)(.*)$/is.exec(url) ?? [];
  return { origin, path, rest };
}

/** Nest adds its parsers before it lets a module add anything. */
function moveLastToFront(stack: ExpressLayer[]): ExpressLayer {
  const last = stack.pop();
  if (last === undefined) throw new Error('CellsAuthorityModule: this version of Express is not supported');
  stack.unshift(last);
  return last;
}
