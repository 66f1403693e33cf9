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

interface ExpressLayer {
  readonly route?: { readonly stack: readonly { readonly handle: object }[] };
  match(path: string): boolean;
}

type ExpressMiddleware = (request: ExpressRequest, response: PlatformResponse, next: () => void) => void;

/** Express' application, as far as it matters here. */
export interface ExpressApplication {
  use(middleware: ExpressMiddleware): void;
  readonly router: { readonly stack: ExpressLayer[] };
}

const LOOKS_LIKE_TOKEN_PATH = /\/token\/?$/i;

/**
 * Reads the bodies of token requests ahead of the host's parsers, which leave a body alone that has been read: they
 * repeat broken JSON in their errors, and are set up for the host's own routes.
 */
export function takeExpressBodies(express: ExpressApplication): void {
  const deadlines = new BodyDeadlines();
  let routes: readonly ExpressLayer[] | undefined;
  const isTokenPath = (path: string): boolean => {
    // Nest adds its routes later than this, and all of them before the first request.
    routes ??= express.router.stack.filter(({ route }) => route?.stack.some(({ handle }) => isTokenHandler(handle)));
    return routes.some((layer) => layer.match(path));
  };

  express.use((request, response, next) => {
    const [path = '', query] = request.url.split('?', 2);
    // A base URL that ends in a slash makes SDKs send two.
    const singleSlashed = path.replace(/\/{2,}/g, '/');
    if (!LOOKS_LIKE_TOKEN_PATH.test(path) || !isTokenPath(singleSlashed)) {
      next();
      return;
    }
    if (singleSlashed !== path) request.url = query === undefined ? singleSlashed : `${singleSlashed}?${query}`;
    if (!ROUTED_METHODS.has(request.method ?? '')) sendError(response, methodNotAllowed());
    else
      takeBody(request, deadlines, next, (error) => {
        sendError(response, error);
      });
  });
  moveLastToFront(express.router.stack);
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
function moveLastToFront(stack: unknown[]): void {
  const last = stack.pop();
  if (last !== undefined) stack.unshift(last);
}
