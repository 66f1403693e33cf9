import { type IncomingMessage } from 'node:http';
import { announcesBody } from '../client-credentials/http-request.js';
import { type OAuthError } from '../errors/oauth-error.js';
import { methodNotAllowed } from '../errors/oauth-errors.js';
import { type PlatformResponse, sendError } from '../token-reply.js';
import { BodyDeadlines } from './body-deadlines.js';
import { readBodyText } from './body-text.js';
import { isTokenHandler, ROUTED_METHODS } from './token-route.js';

interface ExpressRequest extends IncomingMessage {
  url: string;
  body?: unknown;
}

/** A middleware or a route of Express' router. What `match` returns differs between its versions, its truth does not. */
interface ExpressLayer {
  readonly route?: { readonly stack: readonly { readonly handle: object }[] };
  match(path: string): unknown;
}

type ExpressMiddleware = (request: ExpressRequest, response: PlatformResponse, next: () => void) => void;

/** Express' application, as far as it matters here. */
export interface ExpressApplication {
  use(middleware: ExpressMiddleware): void;
  readonly router: { readonly stack: ExpressLayer[] };
}

/** Spares the host's own requests a search through the routes: the last segment is the same on all token paths. */
const LOOKS_LIKE_TOKEN_PATH = /\/token\/?$/i;

/**
 * Reads the bodies of token requests ahead of the host's parsers, which leave a body alone that has been read: they
 * repeat broken JSON in their errors, and are set up for the host's own routes.
 */
export function takeExpressBodies(express: ExpressApplication): void {
  const deadlines = new BodyDeadlines();
  let routes: readonly ExpressLayer[] = [];
  const isTokenPath = (path: string): boolean => {
    if (!LOOKS_LIKE_TOKEN_PATH.test(path)) return false;
    if (routes.length === 0) {
      // Nest adds its routes later than this.
      routes = express.router.stack.filter(({ route }) => route?.stack.some(({ handle }) => isTokenHandler(handle)));
    }
    return routes.some((layer) => layer.match(singleSlashed(path)));
  };

  express.use((request, response, next) => {
    collapseSlashes(request);
    if (!ROUTED_METHODS.has(request.method ?? '')) sendError(response, methodNotAllowed());
    else
      takeBody(request, deadlines, next, (error) => {
        sendError(response, error);
      });
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
  const [, origin = '', path = '', rest = ''] =
    /^([a-z][a-z\d+.-]*:\/\/[^/?#]*)?([^?#]*)(.*)$/is.exec(request.url) ?? [];
  const collapsed = singleSlashed(path);
  if (collapsed !== path) request.url = origin + collapsed + rest;
}

function takeBody(
  request: ExpressRequest,
  deadlines: BodyDeadlines,
  next: () => void,
  refuse: (error: OAuthError) => void,
): void {
  // Read already, by whatever runs Express: then what it made of the body is all there is.
  if (!announcesBody(request.headers) || request.readableEnded || request.body !== undefined) {
    next();
    return;
  }
  readBodyText(
    request,
    deadlines,
    (text) => {
      request.body = text;
      next();
    },
    refuse,
  );
}

/** Nest adds its parsers before it lets a module add anything. */
function moveLastToFront(stack: ExpressLayer[]): ExpressLayer {
  const last = stack.pop();
  if (last === undefined) throw new Error('CellsAuthorityModule: this version of Express is not supported');
  stack.unshift(last);
  return last;
}
