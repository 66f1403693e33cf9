import { stringify } from 'node:querystring';
import { Inject, Injectable } from '@nestjs/common';
import { type AuthorityObserver, type UpstreamOutcome } from '../authority-observer.js';
import { AUTHORITY_OPTIONS, type AuthorityOptions } from '../cells-authority.options.js';
import { type Clock } from '../clock.js';
import { type ClientCredentials } from '../client-credentials/client-credentials.js';
import { type OAuthError } from '../errors/oauth-error.js';
import { gatewayTimeout, serverError, temporarilyUnavailable } from '../errors/oauth-errors.js';
import { AUTHORITY_CLOCK, AUTHORITY_OBSERVER } from '../injection-tokens.js';
import { Circuit, type Witness } from './circuit.js';
import { type IssuedToken } from './issued-token.js';
import { type Judgement, judgeResponse } from './judge-response.js';
import { TokenEndpoint } from './token-endpoint.js';
import { type UpstreamResponse } from './token-exchange.js';
import { type FailureKind, TransportFailure } from './transport-failure.js';
import { spanAttributes, UpstreamSpan } from './upstream-span.js';
import { WaitingLine } from './waiting-line.js';

/** What the authorization server is asked for. */
export interface UpstreamTokenRequest {
  readonly credentials: ClientCredentials;
  readonly scope: string | undefined;
  /** Keyed fingerprint of the client id, for events. */
  readonly client: string;
  /** Key of the credential pair. */
  readonly pair: string;
  /** The client's network, or the application itself. */
  readonly origin: string;
}

/** Requests that may wait, per connection. */
const WAITING_PER_CONNECTION = 16;
const OVERLOADED_RETRY_AFTER_S = 1;
/** A request with less of its time left is not sent: a timeout would not be the authorization server's fault. */
const LEAST_SHARE_TO_SEND = 1 / 4;

/** No connection could be made, so the failure has nothing to do with the request. */
const UNREACHABLE: ReadonlySet<UpstreamOutcome> = new Set<UpstreamOutcome>([
  'connect_failed',
  'name_not_found',
  'connect_timeout',
  'proxy_unreachable',
  'proxy_auth',
  'proxy_refused',
  'certificate_expired',
  'certificate_untrusted',
  'certificate_wrong_host',
  'tls_failed',
]);
/** The request was sent and got no answer. A refusal counts as an answer; a 5xx does not. */
const UNANSWERED: ReadonlySet<UpstreamOutcome> = new Set<UpstreamOutcome>([
  'upstream_error',
  'timeout',
  'connection_lost',
]);

/** Requests tokens from the authorization server (RFC 6749 §4.4.2). */
@Injectable()
export class AuthorizationServerClient {
  readonly #circuit: Circuit;
  readonly #line: WaitingLine;
  readonly #spanAttributes: ReturnType<typeof spanAttributes>;

  constructor(
    private readonly endpoint: TokenEndpoint,
    @Inject(AUTHORITY_OPTIONS) private readonly options: AuthorityOptions,
    @Inject(AUTHORITY_CLOCK) private readonly clock: Clock,
    @Inject(AUTHORITY_OBSERVER) private readonly observe: AuthorityObserver,
  ) {
    const { upstreamTokenUrl, upstreamMaxConnections } = options;
    this.#circuit = new Circuit(clock, (state) => {
      observe({ type: 'circuit', state });
    });
    this.#spanAttributes = spanAttributes(upstreamTokenUrl);
    this.#line = new WaitingLine(upstreamMaxConnections, upstreamMaxConnections * WAITING_PER_CONNECTION);
  }

  /** How many requests wait for a connection at the moment; for metrics. */
  get waiting(): number {
    return this.#line.waiting;
  }

  /**
   * Requests a token. One deadline, on this client's clock, covers the wait for a connection, the request, its retry
   * and the answer. A request with too little time left is not sent.
   *
   * @throws OAuthError for any outcome but a token.
   */
  async requestToken(request: UpstreamTokenRequest, deadline: number): Promise<IssuedToken> {
    const { origin } = request;
    if (this.#circuit.refuses(origin)) throw this.#refuse('circuit_open');
    const latest = deadline - this.options.upstreamTimeoutMs * LEAST_SHARE_TO_SEND;
    const place = await this.#line.enter(origin, latest - this.clock());
    if (typeof place === 'string') throw this.#refuse(place === 'turned_away' ? 'circuit_open' : place);
    try {
      if (latest < this.clock()) throw this.#refuse('waited_too_long');
      if (!this.#circuit.admit(origin)) throw this.#refuse('circuit_open');
      return await this.#requestInTime(request, deadline);
    } finally {
      place();
    }
  }

  /** Reports why a request is not sent, and makes the error for it. */
  #refuse(reason: 'circuit_open' | 'too_many_waiting' | 'waited_too_long'): OAuthError {
    this.observe({ type: 'not_forwarded', reason });
    if (reason === 'waited_too_long')
      return gatewayTimeout('No connection to the authorization server was free in time');
    const retryAfter = reason === 'circuit_open' ? this.#circuit.retryAfter : OVERLOADED_RETRY_AFTER_S;
    return temporarilyUnavailable('The authorization server is not available at the moment', retryAfter);
  }

  async #requestInTime(request: UpstreamTokenRequest, deadline: number): Promise<IssuedToken> {
    const sentAt = this.clock();
    const span = new UpstreamSpan(this.#spanAttributes);
    let judgement: Judgement | undefined;
    let result: UpstreamResponse | TransportFailure;
    let retried: boolean;
    try {
      const form = tokenRequestForm(request);
      result = await this.endpoint.post(form, this.#timeLeft(deadline), span.headers);
      retried = this.#mayBeSentAgain(result, deadline);
      // On a new connection, because other idle ones may have been closed as well.
      if (retried) {
        result = await this.endpoint.post(form, this.#timeLeft(deadline), { ...span.headers, Connection: 'close' });
      }
      judgement = judge(result, request.credentials.clientSecret);
    } finally {
      this.#informCircuit(judgement?.outcome, request);
    }
    const status = result instanceof TransportFailure ? undefined : result.status;
    span.end(judgement.outcome, status, retried);
    this.observe({
      type: 'upstream_request',
      outcome: judgement.outcome,
      durationMs: this.clock() - sentAt,
      status,
      retried,
      client: request.client,
    });
    if (judgement.outcome !== 'token') throw judgement.error;
    return judgement.token;
  }

  #informCircuit(outcome: UpstreamOutcome | undefined, witness: Witness): void {
    if (outcome === undefined) this.#circuit.undecided();
    else if (UNREACHABLE.has(outcome)) this.#circuit.unreachable();
    else if (UNANSWERED.has(outcome)) this.#circuit.failed(witness);
    else this.#circuit.succeeded();
    if (this.#circuit.state === 'open') this.#line.turnAway((origin) => this.#circuit.refuses(origin));
  }

  /** Only a request that the authorization server cannot have seen is sent again. */
  #mayBeSentAgain(result: UpstreamResponse | TransportFailure, deadline: number): boolean {
    return result instanceof TransportFailure && result.unseen && deadline - this.clock() > 0;
  }

  /** Milliseconds until the deadline, and at least 1. */
  #timeLeft(deadline: number): number {
    return Math.max(1, deadline - this.clock());
  }
}

/** The form of RFC 6749 §4.4.2. */
function tokenRequestForm({ credentials, scope }: UpstreamTokenRequest): string {
  return stringify({
    grant_type: 'client_credentials',
    client_id: credentials.clientId,
    client_secret: credentials.clientSecret,
    ...(scope === undefined ? {} : { scope }),
  });
}

function judge(result: UpstreamResponse | TransportFailure, secret: string): Judgement {
  return result instanceof TransportFailure
    ? { outcome: result.kind, error: failureErrors[result.kind]() }
    : judgeResponse(result, secret);
}

function noValidCertificate(): OAuthError {
  return serverError('The authorization server has no valid certificate');
}

const failureErrors: Record<FailureKind, () => OAuthError> = {
  connect_failed: () => serverError('The authorization server cannot be reached'),
  name_not_found: () => serverError('The authorization server cannot be found'),
  connect_timeout: () => gatewayTimeout('The authorization server cannot be reached in time'),
  timeout: () => gatewayTimeout('The authorization server did not answer in time'),
  certificate_expired: noValidCertificate,
  certificate_untrusted: noValidCertificate,
  certificate_wrong_host: noValidCertificate,
  tls_failed: noValidCertificate,
  proxy_unreachable: () => serverError('The proxy to the authorization server cannot be reached'),
  proxy_auth: () => serverError('The proxy to the authorization server refuses the service'),
  proxy_refused: () => serverError('The proxy cannot connect to the authorization server'),
  connection_lost: () => serverError('The authorization server broke the connection'),
  invalid_response: () => serverError('The authorization server gave an answer that cannot be used'),
};
