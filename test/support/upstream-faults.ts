import { startBlackHole } from './black-hole.js';
import { CertificateAuthority, type CertificateRequest } from './certificate-authority.js';
import { closedPort } from './closed-port.js';
import { FAULTY_TOKEN, tokenJson } from './raw-reply.js';
import { type Script, type ScriptedServerOptions, startScriptedServer, type Upstream } from './scripted-server.js';
import * as scripts from './upstream-scripts.js';

export interface FaultyUpstream extends Upstream {
  /** PEM of the authority to trust, when the fault is not that it is untrusted. */
  readonly ca?: string;
  /** Where a redirect points: another origin, which should never hear of it. */
  readonly elsewhere?: Upstream;
}

export interface UpstreamFault {
  /** Of "Upstream faults" in the wire contract. */
  readonly row: number;
  readonly fault: string;
  /** What a client gets when no token is kept. */
  readonly status: number;
  /** The OAuth error code; undefined where upstream's reply is relayed. */
  readonly error?: string;
  /** Whether the one retry is due. */
  readonly retried?: boolean;
  start(): Promise<FaultyUpstream>;
}

const SERVER_ERROR = { status: 502, error: 'server_error' };
const TIMEOUT = { status: 504, error: 'temporarily_unavailable' };
const UNAVAILABLE = { status: 503, error: 'temporarily_unavailable' };
const RELAYED = { status: 200 };

const scripted = (script: Script, options?: ScriptedServerOptions) => () => startScriptedServer(script, options);

/** There is nothing to record where no connection is ever accepted. */
const unreachable = (tokenUrl: string, close: () => Promise<void> = () => Promise.resolve()): FaultyUpstream => ({
  tokenUrl,
  connections: [],
  requests: [],
  close,
});

async function blackHole(): Promise<FaultyUpstream> {
  const { port, close } = await startBlackHole();
  return unreachable(`http://127.0.0.1:${port}/connect/token`, close);
}

/** Would answer with a token, if only its certificate were accepted. */
const certified =
  (request: CertificateRequest, { trusted = true } = {}) =>
  async (): Promise<FaultyUpstream> => {
    const authority = new CertificateAuthority();
    const server = await startScriptedServer(scripts.answerToken, { tls: authority.issue(request) });
    return Object.assign(server, { ca: trusted ? authority.certificate : new CertificateAuthority().certificate });
  };

const redirecting = (status: number) => async (): Promise<FaultyUpstream> => {
  const elsewhere = await startScriptedServer(scripts.answerToken);
  const server = await startScriptedServer(scripts.redirect(status, elsewhere.tokenUrl));
  const close = async () => {
    await Promise.all([server.close(), elsewhere.close()]);
  };
  return {
    tokenUrl: server.tokenUrl,
    connections: server.connections,
    get requests() {
      return server.requests;
    },
    elsewhere,
    close,
  };
};

const HOUR_MS = 3_600_000;
const throttling = (headers: Record<string, string>) =>
  scripted(scripts.json(429, '{"error":"too_many_requests"}', headers));

/** Rows 1-4: no answer at all. */
const silent: readonly UpstreamFault[] = [
  {
    row: 1,
    fault: 'connection refused',
    ...SERVER_ERROR,
    retried: true,
    start: async () => unreachable(`http://127.0.0.1:${await closedPort()}/connect/token`),
  },
  {
    row: 1,
    fault: 'name not found',
    ...SERVER_ERROR,
    retried: true,
    start: () => Promise.resolve(unreachable('https://authorization-server.invalid/connect/token')),
  },
  { row: 2, fault: 'connect black hole', ...TIMEOUT, start: blackHole },
  {
    row: 3,
    fault: 'certificate expired',
    ...SERVER_ERROR,
    start: certified({ notAfter: new Date(Date.now() - HOUR_MS) }),
  },
  {
    row: 3,
    fault: 'certificate for another host',
    ...SERVER_ERROR,
    start: certified({ hosts: ['authorization-server.invalid'] }),
  },
  { row: 3, fault: 'certificate of an untrusted authority', ...SERVER_ERROR, start: certified({}, { trusted: false }) },
  { row: 4, fault: 'headers never come', ...TIMEOUT, start: scripted(scripts.answerNothing) },
  { row: 4, fault: 'half a header, then silence', ...TIMEOUT, start: scripted(scripts.stallMidHead) },
  { row: 4, fault: 'headers one byte a second', ...TIMEOUT, start: scripted(scripts.dripHead()) },
  { row: 4, fault: 'body one byte a second', ...TIMEOUT, start: scripted(scripts.dripBody()) },
];

/** Rows 5-8: an answer that breaks off, contradicts itself or is too much. */
const broken: readonly UpstreamFault[] = [
  {
    row: 5,
    fault: 'reset on connecting',
    ...SERVER_ERROR,
    start: scripted(scripts.answerNothing, { onConnection: (socket) => socket.resetAndDestroy() }),
  },
  { row: 5, fault: 'reset upon the request', ...SERVER_ERROR, start: scripted(scripts.reset) },
  { row: 5, fault: 'closed upon the request', ...SERVER_ERROR, start: scripted(scripts.finish) },
  { row: 7, fault: 'reset mid-headers', ...SERVER_ERROR, start: scripted(scripts.resetMidHead) },
  { row: 7, fault: 'reset mid-body', ...SERVER_ERROR, start: scripted(scripts.resetMidBody) },
  { row: 7, fault: 'closed mid-headers', ...SERVER_ERROR, start: scripted(scripts.finishMidHead) },
  { row: 7, fault: 'body shorter than its length', ...SERVER_ERROR, start: scripted(scripts.truncateBody) },
  { row: 7, fault: 'last chunk missing', ...SERVER_ERROR, start: scripted(scripts.truncateChunks) },
  { row: 7, fault: 'JSON cut off', ...SERVER_ERROR, start: scripted(scripts.truncateJson) },
  { row: 7, fault: 'two content lengths', ...SERVER_ERROR, start: scripted(scripts.twoLengths) },
  { row: 7, fault: 'content length and chunks', ...SERVER_ERROR, start: scripted(scripts.lengthAndChunks) },
  { row: 7, fault: 'not HTTP', ...SERVER_ERROR, start: scripted(scripts.notHttp) },
  { row: 8, fault: 'body over 64 KiB', ...SERVER_ERROR, start: scripted(scripts.tooLong) },
  { row: 8, fault: 'endless chunks', ...SERVER_ERROR, start: scripted(scripts.endlessChunks) },
  { row: 8, fault: 'endless body', ...SERVER_ERROR, start: scripted(scripts.endlessBody) },
  { row: 8, fault: 'endless headers', ...SERVER_ERROR, start: scripted(scripts.endlessHead) },
  { row: 8, fault: 'gzip', ...SERVER_ERROR, start: scripted(scripts.gzipped) },
];

/** Rows 9-13: a whole answer that is not a token response. */
const unsuitable: readonly UpstreamFault[] = [
  { row: 9, fault: '200 with HTML', ...SERVER_ERROR, start: scripted(scripts.html(200)) },
  {
    row: 9,
    fault: '200 without access_token',
    ...SERVER_ERROR,
    start: scripted(scripts.json(200, '{"token_type":"Bearer","expires_in":86400}')),
  },
  {
    row: 9,
    fault: '200 without token_type',
    ...SERVER_ERROR,
    start: scripted(scripts.json(200, `{"access_token":"${FAULTY_TOKEN}","expires_in":86400}`)),
  },
  {
    row: 9,
    fault: '200 with an access_token that is no text',
    ...SERVER_ERROR,
    start: scripted(scripts.json(200, '{"access_token":{"a":1},"token_type":"Bearer"}')),
  },
  {
    row: 9,
    fault: '200 with an empty access_token',
    ...SERVER_ERROR,
    start: scripted(scripts.json(200, tokenJson('86400', ''))),
  },
  { row: 9, fault: '200 with a JSON array', ...SERVER_ERROR, start: scripted(scripts.json(200, `[${tokenJson()}]`)) },
  { row: 9, fault: '200 with JSON null', ...SERVER_ERROR, start: scripted(scripts.json(200, 'null')) },
  { row: 9, fault: '200 without a body', ...SERVER_ERROR, start: scripted(scripts.json(200, '')) },
  ...[301, 302, 303, 307, 308].map((status) => ({
    row: 11,
    fault: `redirect ${status}`,
    ...SERVER_ERROR,
    start: redirecting(status),
  })),
  { row: 12, fault: '429 with seconds', status: 429, start: throttling({ 'Retry-After': '600' }) },
  {
    row: 12,
    fault: '429 with a date',
    status: 429,
    start: () => throttling({ 'Retry-After': new Date(Date.now() + 600_000).toUTCString() })(),
  },
  { row: 12, fault: '429 with an unreadable Retry-After', status: 429, start: throttling({ 'Retry-After': 'soon' }) },
  { row: 12, fault: '429 without Retry-After', status: 429, start: throttling({}) },
  ...[500, 501, 502, 503, 504, 599].map((status) => ({
    row: 13,
    fault: `${status}`,
    ...UNAVAILABLE,
    start: scripted(scripts.html(status)),
  })),
];

export const upstreamFaults: readonly UpstreamFault[] = [...silent, ...broken, ...unsuitable];

/** Row 6: good for one request a connection. The second gets this, with nothing sent; a retry on a new one succeeds. */
export const idleSocketFaults: readonly UpstreamFault[] = [
  {
    row: 6,
    fault: 'reused socket reset',
    ...RELAYED,
    retried: true,
    start: scripted(scripts.reusedConnection(scripts.reset)),
  },
  {
    row: 6,
    fault: 'reused socket closed',
    ...RELAYED,
    retried: true,
    start: scripted(scripts.reusedConnection(scripts.finish)),
  },
];

/** Row 10: token responses that are relayed and not kept. `relayed` is `expires_in` as a client must see it. */
export const unkeptLifetimes: readonly {
  readonly name: string;
  readonly expiresIn: string | null;
  readonly relayed: unknown;
  start(): Promise<Upstream>;
}[] = (
  [
    ['absent', null, undefined],
    ['zero', '0', 0],
    ['negative', '-1', -1],
    ['text', '"soon"', 'soon'],
    ['null', 'null', null],
    ['huge', '1e300', 1e300],
    ['past every clock', '9007199254740993', 9_007_199_254_740_992],
  ] as const
).map(([name, expiresIn, relayed]) => ({
  name,
  expiresIn,
  relayed,
  start: scripted(scripts.json(200, tokenJson(expiresIn))),
}));

/** OAuth errors, whose status and body go to the client as they are. */
export const relayedErrors: readonly { readonly status: number; readonly body: string; start(): Promise<Upstream> }[] =
  (
    [
      [400, '{"error":"invalid_client"}'],
      [400, '{"error":"invalid_scope","error_description":"no such scope"}'],
      [401, '{"error":"invalid_client","error_description":"client authentication failed"}'],
      [403, '{"error":"unauthorized_client"}'],
    ] as const
  ).map(([status, body]) => ({ status, body, start: scripted(scripts.json(status, body)) }));

/** 4xx whose body is a page and no OAuth error. */
export const unreadableErrors: readonly { readonly status: number; start(): Promise<Upstream> }[] = [
  400, 401, 403, 404, 413,
].map((status) => ({ status, start: scripted(scripts.html(status)) }));
