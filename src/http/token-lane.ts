import { type FastifyInstance, type FastifyReply, type FastifyRequest, type onRequestHookHandler } from 'fastify';
import {
  type CellsAuthorityService,
  OAuthError,
  PUBLISHED_PATH,
  SDK_PATHS,
  TOKEN_REPLY_HEADERS,
  type TokenAnswer,
  type TokenPath,
} from '../cells-authority/index.js';
import { announcesBody } from '../cells-authority/client-credentials/http-request.js';
import { sendError } from '../cells-authority/token-reply.js';
import { pathIndex, requestForm } from '../metrics/request-labels.js';
import { type RequestMeter } from '../metrics/request-meter.js';

/**
 * A lane of its own for token requests with nothing unusual about them: they are answered as soon as their token is
 * there, and never enter Nest's pipeline of guards, pipes and filters, which costs more than a kept token and as much as
 * a request to the authorization server. All others go on as if this lane did not exist.
 *
 * To be called before Nest adds its routes; `authority` is asked for with the first request.
 */
export function openTokenLane(
  fastify: FastifyInstance,
  authority: () => CellsAuthorityService,
  headers: Readonly<Record<string, string>>,
  meter: RequestMeter,
): void {
  const constantHeaders = Object.entries({ ...TOKEN_REPLY_HEADERS, ...headers }).flat();

  function laneFor(path: TokenPath, url: string): onRequestHookHandler {
    const index = pathIndex(url);
    let service: CellsAuthorityService | undefined;

    function complete(request: FastifyRequest, reply: FastifyReply, answer: TokenAnswer): void {
      send(request, reply, constantHeaders, answer);
      const form = requestForm(request.raw.url ?? '', request.headers);
      meter.requestCompleted(index, form, 'token', performance.now() - request.arrivedAt);
    }

    return (request, reply, done) => {
      service ??= authority();
      // A page's request: whether and how it may read the answer is not for this lane to say.
      const answer = request.headers.origin === undefined ? service.readAndAnswer(request, path) : undefined;
      if (answer === undefined) done();
      else if (!(answer instanceof Promise)) complete(request, reply, answer);
      else {
        answer
          .then(
            (token) => {
              complete(request, reply, token);
            },
            (error: unknown) => {
              if (!(error instanceof OAuthError)) throw error;
              sendError(reply, error);
            },
          )
          .catch(done);
      }
    };
  }

  const paths = new Map<string, onRequestHookHandler>([
    [`/${PUBLISHED_PATH}`, laneFor('published', `/${PUBLISHED_PATH}`)],
    ...SDK_PATHS.map((path): [string, onRequestHookHandler] => [`/${path}`, laneFor('sdk', `/${path}`)]),
  ]);

  fastify.addHook('onRoute', (route) => {
    const lane = paths.get(route.url);
    if (lane === undefined || route.method !== 'POST') return;
    // At once where no body comes, or else when it has been read.
    route.onRequest = [whereBody(false, lane), ...[route.onRequest ?? []].flat()];
    route.preHandler = [whereBody(true, lane), ...[route.preHandler ?? []].flat()];
  });
}

function whereBody(comes: boolean, lane: onRequestHookHandler): onRequestHookHandler {
  return function (request, reply, done) {
    if (announcesBody(request.headers) === comes) lane.call(this, request, reply, done);
    else done();
  };
}

/**
 * Straight to Node's response: Fastify's way of sending looks at the payload from all sides first. Headers and body leave
 * in one write, an eighth of the request cheaper than with `end(text)`, which sends an empty chunk after them.
 */
function send({ id }: FastifyRequest, reply: FastifyReply, headers: readonly string[], answer: TokenAnswer): void {
  const { raw } = reply;
  // Whoever waited too long has been told so while the service stopped.
  if (raw.headersSent) return;
  reply.hijack();
  raw.writeHead(200, [...headers, 'X-Request-Id', id, 'Content-Length', String(answer.length)]);
  raw.socket?.cork();
  // One byte a character: text that is ASCII need not be encoded.
  raw.write(answer.text, answer.length === answer.text.length ? 'latin1' : 'utf8');
  raw.socket?.uncork();
  raw.end();
}
