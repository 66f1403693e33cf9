import { EventEmitter } from 'node:events';
import { type IncomingMessage, type RequestListener, Server } from 'node:http';

const REQUESTS: ReadonlySet<string> = new Set(['request', 'checkContinue', 'checkExpectation']);

/** The original URLs of requests whose query is hidden. */
const WHOLE = new WeakMap<IncomingMessage, string>();

/**
 * Hides the queries of URLs, which can contain client secrets, from instrumentation between Node and the server.
 * OpenTelemetry's for HTTP replaces `Server.prototype.emit` and exports the query of every request. Without such
 * instrumentation nothing is changed. The listener must come from {@link withWholeUrls}.
 */
export function hideQueries(server: Server): void {
  if (!isInstrumented()) return;
  const emitter: Pick<EventEmitter, 'emit'> = server;
  const emit = emitter.emit.bind(server);
  emitter.emit = (name: string | symbol, ...values: unknown[]): boolean => {
    const [request] = values;
    if (typeof name === 'string' && REQUESTS.has(name) && isRequest(request)) hideQuery(request);
    return emit(name, ...values);
  };
}

/** Restores the original URL for the listener. */
export function withWholeUrls(answer: RequestListener): RequestListener {
  if (!isInstrumented()) return answer;
  return (request, response) => {
    request.url = WHOLE.get(request) ?? request.url;
    answer(request, response);
  };
}

function isInstrumented(): boolean {
  return Server.prototype.emit !== EventEmitter.prototype.emit;
}

function isRequest(value: unknown): value is IncomingMessage {
  return typeof value === 'object' && value !== null && 'url' in value;
}

function hideQuery(request: IncomingMessage): void {
  const { url = '' } = request;
  const query = url.indexOf('?');
  if (query === -1) return;
  WHOLE.set(request, url);
  request.url = url.slice(0, query);
}
