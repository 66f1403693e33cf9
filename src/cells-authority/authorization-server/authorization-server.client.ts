import { stringify } from 'node:querystring';
import { type HttpService } from '@nestjs/axios';
import { type AxiosResponse } from 'axios';
import { type AuthorityObserver, type UpstreamOutcome } from '../authority-observer.js';
import { type Clock } from '../clock.js';
import { type ClientCredentials } from '../client-credentials/client-credentials.js';
import { type OAuthError } from '../errors/oauth-error.js';
import { gatewayTimeout, serverError, temporarilyUnavailable } from '../errors/oauth-errors.js';
import { Circuit, type Witness } from './circuit.js';
import { type IssuedToken } from './issued-token.js';
import { type Judgement, judgeResponse } from './judge-response.js';
import { type UpstreamResponse } from './token-exchange.js';
import { type FailureKind, TransportFailure } from './transport-failure.js';
import { spanAttributes, UpstreamSpan } from './upstream-span.js';
import { WaitingLine } from './waiting-line.js';

/** What the authorization server is asked for. */
export interface UpstreamTokenRequest {
  readonly credentials: ClientCredentials;
  readonly scope: string | undefined;
  /** Keyed fingerprint of the client id, for what is told to the observer. */
  readonly client: string;
  /** Stands for the credential pair. */
  readonly pair: string;
  /** Stands for where the request came from. */
  readonly origin: string;
}

/** The settings this client needs. */
export interface AuthorizationServerSettings {
  readonly tokenUrl: string;
  readonly maxConnections: number;
  /** Milliseconds that a request has as a whole. */
  readonly timeoutMs: number;
}

/** Those waiting for a connection, per connection. */
const WAITING_PER_CONNECTION = 16;
const OVERLOADED_RETRY_AFTER_S = 1;
/** Share of its time that a request must have left to be sent: with less, a timeout would be nobody's fault. */
const LEAST_SHARE_TO_SEND = 1 / 4;

/** No connection: that does not depend on what would have been sent on it. */
const UNREACHABLE: ReadonlySet<UpstreamOutcome> = new Set<UpstreamOutcome>([
  'connect_failed',
  'name_not_found',
  'connect_timeout',
  'tls_failed',
]);
/** Sent, and no answer: a refusal is one, a 5xx is none. */
const UNANSWERED: ReadonlySet<UpstreamOutcome> = new Set<UpstreamOutcome>([
  'upstream_error',
  'timeout',
  'connection_lost',
]);

/** Calls the token endpoint (RFC 6749 §4.4.2); the only class that knows axios. */
export class AuthorizationServerClient {
  readonly #circuit: Circuit;
  readonly #line: WaitingLine;
  readonly #spanAttributes: ReturnType<typeof spanAttributes>;

  constructor(
    private readonly http: HttpService,
    private readonly settings: AuthorizationServerSettings,
    private readonly clock: Clock,
    private readonly observe: AuthorityObserver,
  ) {
    this.#circuit = new Circuit(clock, (state) => {
      observe({ type: 'circuit', state });
    });
    this.#spanAttributes = spanAttributes(settings.tokenUrl);
    this.#line = new WaitingLine(settings.maxConnections, settings.maxConnections * WAITING_PER_CONNECTION);
  }

  /**
   * Requests a token. One deadline, on this client's clock, covers the wait for a connection, the request, its retry
   * and the answer. What would have too little time left is not sent.
   *
   * @throws OAuthError for every other outcome than a token.
   */
  async requestToken(request: UpstreamTokenRequest, deadline: number): Promise<IssuedToken> {
    const { origin } = request;
    if (this.#circuit.refuses(origin)) throw this.#refuse('circuit_open');
    const latest = deadline - this.settings.timeoutMs * LEAST_SHARE_TO_SEND;
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

  /** Tells why a request is not sent, and makes the error that says so. */
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
      const body = tokenRequestBody(request);
      result = await this.#send(body, deadline, span.headers);
      retried = this.#mayBeSentAgain(result, deadline);
      // Not on another stale connection.
      if (retried) result = await this.#send(body, deadline, { ...span.headers, Connection: 'close' });
      judgement = judge(result, request.credentials.clientSecret);
    } finally {
      this.#tellCircuit(judgement?.outcome, request);
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

  #tellCircuit(outcome: UpstreamOutcome | undefined, witness: Witness): void {
    if (outcome === undefined) this.#circuit.undecided();
    else if (UNREACHABLE.has(outcome)) this.#circuit.unreachable();
    else if (UNANSWERED.has(outcome)) this.#circuit.failed(witness);
    else this.#circuit.succeeded();
    if (this.#circuit.state === 'open') this.#line.turnAway((origin) => this.#circuit.refuses(origin));
  }

  /** Only what the authorization server cannot have seen. */
  #mayBeSentAgain(result: UpstreamResponse | TransportFailure, deadline: number): boolean {
    return result instanceof TransportFailure && result.unseen && deadline - this.clock() > 0;
  }

  #send(
    body: string,
    deadline: number,
    headers: Record<string, string> | undefined,
  ): Promise<UpstreamResponse | TransportFailure> {
    const timeout = Math.max(1, deadline - this.clock());
    const request = { method: 'post', url: this.settings.tokenUrl, data: body, timeout, ...(headers && { headers }) };
    return this.http.axiosRef.request<string>(request).then(responseOf, failureOf);
  }
}

function responseOf({ status, headers, data }: AxiosResponse<string>): UpstreamResponse {
  const retryAfter: unknown = headers['retry-after'];
  return { status, retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined, body: data };
}

/** Any other error could hold the request, and with it the secret. */
function failureOf(error: unknown): TransportFailure {
  return error instanceof TransportFailure ? error : new TransportFailure('connection_lost', false, 'UNKNOWN');
}

/** The order and the names of RFC 6749 §4.4.2. */
function tokenRequestBody({ credentials, scope }: UpstreamTokenRequest): string {
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

const failureErrors: Record<FailureKind, () => OAuthError> = {
  connect_failed: () => serverError('The authorization server cannot be reached'),
  name_not_found: () => serverError('The authorization server cannot be found'),
  connect_timeout: () => gatewayTimeout('The authorization server cannot be reached in time'),
  timeout: () => gatewayTimeout('The authorization server did not answer in time'),
  tls_failed: () => serverError('The authorization server has no valid certificate'),
  connection_lost: () => serverError('The authorization server broke the connection'),
  invalid_response: () => serverError('The authorization server gave an answer that cannot be used'),
};
