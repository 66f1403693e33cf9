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
  /** Tells body-parser 1, which the first versions of Nest 11 use, that the body has been read. */
  _body?: boolean;
  readonly raw?: never;
}

/** A middleware or route in Express' router. What `match` returns differs by version; only its truthiness counts. */
interface ExpressLayer {
  readonly route?: { readonly stack: readonly { readonly handle: object }[] };
  match(path: string): unknown;
}

type ExpressMiddleware = (request: ExpressRequest, response: PlatformResponse, next: (error?: unknown) => void) => void;

/** The part of Express' application that is used here. */
export interface ExpressApplication {
  use(middleware: ExpressMiddleware): void;
  readonly router: { readonly stack: ExpressLayer[] };
}

/**
 * Reads the bodies of token requests before the host's parsers, which then skip them. Those parsers quote broken JSON
 * in their errors, and are configured for the host's own routes.
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
      // Looked up on first use, because Nest adds its routes after this middleware.
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
    // The body has been read already by whatever runs Express (a serverless adapter, say); use its result.
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
  // The router passes the path that it routes by. A path read from the URL here might differ: the URL may be in
  // absolute form, have a fragment, or include the path that this application is mounted at.
  reader.match = (path) => isTokenPath(path) && matchAny(path);
}

/** SDKs send two slashes if their base URL ends in one. */
function singleSlashed(path: string): string {
  return path.replace(/\/{2,}/g, '/');
}

function collapseSlashes(request: ExpressRequest): void {
  const { origin, path, rest } = splitUrl(request.url);
  const collapsed = singleSlashed(path);
  if (collapsed !== path) request.url = origin + collapsed + rest;
}

/** Only a request target in absolute form has an origin (RFC 9112 §3.2.2). */
function splitUrl(url: string): { origin: string; path: string; rest: string } {
  const [, origin = '', path = '', rest = ''] = /^([a-z][a-z\d+.-]*:\/\/[^/?#]*)?([^?#]*)(.*)$/is.exec(url) ?? [];
  return { origin, path, rest };
}

/** Needed because Nest adds its parsers before a module can add anything. */
function moveLastToFront(stack: ExpressLayer[]): ExpressLayer {
  const last = stack.pop();
  if (last === undefined) throw new Error('CellsAuthorityModule: this version of Express is not supported');
  stack.unshift(last);
  return last;
}
