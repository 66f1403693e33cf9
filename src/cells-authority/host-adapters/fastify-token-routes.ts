import { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { announcesBody } from '../client-credentials/http-request.js';
import { methodNotAllowed } from '../errors/oauth-errors.js';
import { PUBLISHED_PATH, SDK_PATHS } from '../token-paths.js';
import { type PlatformResponse, sendError } from '../token-reply.js';
import { BodyDeadlines } from './body-deadlines.js';
import { readBodyText } from './body-text.js';
import { isTokenRouteConfig, ROUTED_METHODS } from './token-route.js';

/** Where a request has what was taken from it: a WeakMap would keep every body until old objects are collected. */
const TAKEN_BODY = Symbol('taken body');

interface FastifyRequest {
  readonly raw: IncomingMessage;
  readonly is404: boolean;
  readonly method: string;
  readonly originalUrl: string;
  body: unknown;
  [TAKEN_BODY]: TakenBody | undefined;
}

type FastifyHook = (request: FastifyRequest, reply: PlatformResponse, done: () => void) => void;

interface FastifyRoute {
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

/** What is taken from a request until Fastify has passed the point at which it would parse the body. */
interface TakenBody {
  readonly type: string | undefined;
  readonly length: string | undefined;
  readonly encoding: string | undefined;
  text: string | undefined;
}

const TOKEN_PATHS = [PUBLISHED_PATH, ...SDK_PATHS].map((path) => `/${path}`);

/**
 * Reads the bodies of token requests in place of the host's parsers, which refuse an empty JSON body and all types that
 * they do not know, and are set up for the host's own routes.
 */
export function takeFastifyBodies(fastify: FastifyApplication): void {
  const deadlines = new BodyDeadlines();
  fastify.decorateRequest(TAKEN_BODY, undefined);

  const takeBody: FastifyHook = (request, reply, done) => {
    const { raw } = request;
    const { headers } = raw;
    const body: TakenBody = {
      type: headers['content-type'],
      length: headers['content-length'],
      encoding: headers['transfer-encoding'],
      text: undefined,
    };
    const announced = announcesBody(headers);
    hideBody(headers);
    request[TAKEN_BODY] = body;
    if (!announced || raw.readableEnded) {
      done();
      return;
    }
    readBodyText(
      raw,
      deadlines,
      (text) => {
        body.text = text;
        done();
      },
      (error) => {
        sendError(reply, error);
      },
    );
  };
  const handOver: FastifyHook = (request, _reply, done) => {
    const body = request[TAKEN_BODY];
    if (body !== undefined) {
      showBody(request.raw.headers, body);
      request.body = body.text;
    }
    done();
  };

  fastify.addHook('onRoute', (route) => {
    if (!isTokenRouteConfig(route.config)) return;
    route.onRequest = [...hooks(route.onRequest), takeBody];
    route.preValidation = [handOver, ...hooks(route.preValidation)];
  });
  // Fastify has no routes for other methods at all, and so says 404 to them.
  fastify.addHook('onRequest', (request, reply, done) => {
    if (request.is404 && !ROUTED_METHODS.has(request.method) && isTokenUrlPath(request.originalUrl)) {
      sendError(reply, methodNotAllowed());
    } else done();
  });
}

/** Wherever the host's prefixes have put the paths. */
function isTokenUrlPath(url: string): boolean {
  const [path = ''] = url.split('?', 1);
  return TOKEN_PATHS.some((tokenPath) => path.endsWith(tokenPath));
}

/** Takes the headers away that tell of a body. */
function hideBody(headers: IncomingHttpHeaders): void {
  if (headers['content-type'] !== undefined) headers['content-type'] = undefined;
  if (headers['content-length'] !== undefined) headers['content-length'] = undefined;
  if (headers['transfer-encoding'] !== undefined) headers['transfer-encoding'] = undefined;
}

function showBody(headers: IncomingHttpHeaders, body: TakenBody): void {
  if (body.type !== undefined) headers['content-type'] = body.type;
  if (body.length !== undefined) headers['content-length'] = body.length;
  if (body.encoding !== undefined) headers['transfer-encoding'] = body.encoding;
}

function hooks(given: FastifyHook | FastifyHook[] | undefined): FastifyHook[] {
  return given === undefined ? [] : [given].flat();
}
