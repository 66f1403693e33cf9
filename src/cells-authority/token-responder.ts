import { Inject, Injectable, Logger } from '@nestjs/common';
import { type AuthorityObserver, TOKEN_ERROR_CODES, type TokenRequestOutcome } from './authority-observer.js';
import { AUTHORITY_OPTIONS, type AuthorityOptions } from './cells-authority.options.js';
import { announcesBody, type HttpRequest } from './client-credentials/http-request.js';
import { TokenRequestReader } from './client-credentials/token-request.reader.js';
import { validateTokenRequest } from './client-credentials/token-request.validation.js';
import { OAuthError } from './errors/oauth-error.js';
import { invalidClientForBasic, invalidRequest, serverError } from './errors/oauth-errors.js';
import { readBodyText } from './host-adapters/body-text.js';
import { AUTHORITY_OBSERVER } from './injection-tokens.js';
import { TokenSessions } from './sessions/token-sessions.js';
import { type AuthorityRequest, TokenAuthority } from './token-cache/token-authority.js';
import { type TokenAnswer } from './token-cache/kept-token.js';
import { maxAgeOn, type TokenPath } from './token-paths.js';
import { errorContent, type TokenReply, type TokenReplyContent } from './token-reply.js';

/** A token request that is being answered. */
interface Exchange {
  readonly request: HttpRequest;
  readonly reply: TokenReply;
  readonly path: TokenPath;
  readonly reader: TokenRequestReader;
  /** By `performance.now()`. */
  readonly begunAt: number;
}

/**
 * Answers all token requests over HTTP: reads a request, validates it, gets the token, sends the token or an error, and
 * reports the outcome to the observer.
 */
@Injectable()
export class TokenResponder {
  readonly #logger = new Logger('CellsAuthority');

  constructor(
    @Inject(AUTHORITY_OPTIONS) private readonly options: AuthorityOptions,
    @Inject(AUTHORITY_OBSERVER) private readonly observe: AuthorityObserver,
    private readonly authority: TokenAuthority,
    private readonly sessions: TokenSessions,
  ) {}

  /** Answers at once when there is nothing to wait for, or else returns a promise, which never rejects. */
  respond(request: HttpRequest, reply: TokenReply, path: TokenPath): void | Promise<void> {
    const exchange = this.#begin(request, reply, path);
    const { raw, body } = request;
    // On Express the body has already been read.
    if (raw === undefined || !announcesBody(request.headers) || raw.readableEnded) return this.#answer(exchange, body);
    return readBodyText(raw).then(
      (text) => this.#answer(exchange, text),
      (error: unknown) => {
        this.#refuseUnread(exchange, error);
      },
    );
  }

  /** Answers a request on a token path that is refused whatever it contains. */
  refuse(request: HttpRequest, reply: TokenReply, path: TokenPath, error: OAuthError): void {
    this.#refuseUnread(this.#begin(request, reply, path), error);
  }

  #begin(request: HttpRequest, reply: TokenReply, path: TokenPath): Exchange {
    const reader = new TokenRequestReader(request, this.options.queryCredentials);
    return { request, reply, path, reader, begunAt: performance.now() };
  }

  #answer(exchange: Exchange, body: unknown): void | Promise<void> {
    try {
      refuseForeignPage(exchange);
      const request = exchange.reader.read(body);
      validateTokenRequest(request.credentials, request.scope, request.grantType);
      const { minFresh, forceRefresh } = request.wish;
      const terms = { maxAge: maxAgeOn(exchange.path, this.options), minFresh, forceRefresh };
      const answer = this.authority.obtain(request, terms);
      if (!(answer instanceof Promise)) {
        this.#sendToken(exchange, request, answer);
        return;
      }
      return answer.then(
        (token) => {
          this.#sendToken(exchange, request, token);
        },
        (error: unknown) => {
          this.#sendError(exchange, error);
        },
      );
    } catch (error) {
      this.#sendError(exchange, error);
    }
  }

  #sendToken(exchange: Exchange, request: AuthorityRequest, token: TokenAnswer): void {
    this.sessions.begin(request, token);
    const { text, length } = token;
    this.#send(exchange, 'token', { status: 200, text, length });
  }

  #sendError(exchange: Exchange, thrown: unknown): void {
    const known = thrown instanceof OAuthError ? thrown : this.#unforeseen(thrown);
    const error = exchange.reader.form === 'basic' ? invalidClientForBasic(known) : known;
    this.#send(exchange, outcomeOf(error), errorContent(error));
  }

  #refuseUnread(exchange: Exchange, error: unknown): void {
    try {
      exchange.reader.readHead();
    } catch {
      // Already refused. Whatever could be read is only for the observer.
    }
    this.#sendError(exchange, error);
  }

  #send(
    { request, reply, path, reader, begunAt }: Exchange,
    meant: TokenRequestOutcome,
    content: TokenReplyContent,
  ): void {
    const { answeredStatus } = reply;
    if (answeredStatus === undefined) reply.send(content);
    const outcome = answeredStatus === undefined ? meant : 'temporarily_unavailable';
    this.observe({
      type: 'token_request',
      path,
      credentialForm: reader.form,
      outcome,
      status: answeredStatus ?? content.status,
      durationMs: performance.now() - begunAt,
      client: outcome === 'token' ? undefined : this.#fingerprintOf(reader),
      requestId: typeof request.id === 'string' ? request.id : undefined,
    });
  }

  #fingerprintOf({ clientId }: TokenRequestReader): string | undefined {
    return clientId === undefined ? undefined : this.authority.fingerprint(clientId);
  }

  #unforeseen(thrown: unknown): OAuthError {
    // Only the stack frames, because the message may quote the request.
    const frames = thrown instanceof Error ? (thrown.stack?.match(/^ +at .*$/gm) ?? []) : [];
    const name = thrown instanceof Error ? thrown.name : typeof thrown;
    this.#logger.error([`A token request failed: ${name}`, ...frames].join('\n'));
    return serverError('Something went wrong here', 500);
  }
}

/**
 * A page that may not read the answer has no use for a token, but its failures would count against the address of the
 * person looking at it. Only browsers send this header, and no page can change it (W3C Fetch Metadata Request Headers
 * §2.3).
 */
function refuseForeignPage({ request: { headers }, reply }: Exchange): void {
  const site = headers['sec-fetch-site'];
  if (site !== 'cross-site' && site !== 'same-site') return;
  const { allowedOrigin } = reply;
  if (allowedOrigin === '*' || (allowedOrigin !== undefined && allowedOrigin === headers.origin)) return;
  throw invalidRequest('Pages of other origins may not ask for tokens here', 403);
}

const ERROR_OUTCOMES: ReadonlyMap<string, TokenRequestOutcome> = new Map(
  TOKEN_ERROR_CODES.map((code): [string, TokenRequestOutcome] => [code, code]),
);

function outcomeOf({ status, error }: OAuthError): TokenRequestOutcome {
  return status === 429 ? 'throttled' : (ERROR_OUTCOMES.get(error) ?? 'other_error');
}
