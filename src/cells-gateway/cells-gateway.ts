import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CellsAuthorityService, OAuthError, TokenSessions } from '../cells-authority/index.js';
import { CertificateAuthorities, ForwardProxy } from '../cells-authority/internal.js';
import { CELLS_GATEWAY_OPTIONS, type CellsGatewayOptions } from './cells-gateway.options.js';
import { headerValues } from './forwarded-headers.js';
import {
  type GatewayFailure,
  MALFORMED_TARGET,
  METHOD_NOT_ALLOWED,
  METHODS,
  NOT_A_BEARER,
  STOPPING,
  TOO_MANY_WAITING,
  tooLarge,
  UNKNOWN_EXPECTATION,
} from './gateway-failure.js';
import { type GatewayEvent, type GatewayNumbers } from './gateway-observer.js';
import { GatewaySpans } from './gateway-spans.js';
import { KeptBodies } from './kept-body.js';
import {
  type BodyFraming,
  bodyFraming,
  endBeforeBody,
  expectsContinue,
  expectsUnknown,
  hasBody,
} from './request-body.js';
import { decideTarget } from './request-target.js';
import { RequestToken, type RequestTokenTerms } from './request-token.js';
import {
  type AcceptedRequest,
  type ReceivedRequest,
  Transfer,
  type TransferEnd,
  type TransferTerms,
} from './transfer.js';
import { Transfers } from './transfers.js';
import { UpstreamConnections } from './upstream-connections.js';

const MIB = 1024 * 1024;
const IDLE_TIMEOUT_MS = 120_000;
const CHECK_INTERVAL_MS = 50;
/** Exactly one Bearer token (RFC 6750 §2.1). */
const ONE_BEARER = /^bearer +[^\s,]+$/i;

/** Passes requests for the rest of the Cells API through. */
@Injectable()
export class CellsGateway implements OnApplicationShutdown {
  readonly #terms: TransferTerms;
  readonly #tokenTerms: RequestTokenTerms;
  readonly #transfers = new Transfers();
  readonly #ownHeaders: readonly string[];
  readonly #check: NodeJS.Timeout;
  #bytesUp = 0;
  #bytesDown = 0;

  constructor(
    @Inject(CELLS_GATEWAY_OPTIONS) private readonly options: CellsGatewayOptions,
    authority: CellsAuthorityService,
    sessions: TokenSessions,
  ) {
    const {
      apiUrl,
      maxBodyMib,
      timeoutMs,
      connectTimeoutMs,
      caFile,
      proxyUrl,
      idleTimeoutMs = IDLE_TIMEOUT_MS,
    } = options;
    const upstream = new URL(apiUrl);
    this.#terms = {
      connections: new UpstreamConnections({
        origin: upstream,
        connectTimeoutMs,
        authorities: new CertificateAuthorities(caFile, 'UPSTREAM_CA_FILE'),
        proxy: proxyUrl === undefined ? undefined : new ForwardProxy(proxyUrl),
      }),
      upstream,
      maxBodyBytes: maxBodyMib * MIB,
      tooLarge: tooLarge(maxBodyMib),
      timeoutMs,
      idleTimeoutMs,
      keptBodies: new KeptBodies(),
    };
    this.#tokenTerms = {
      authority,
      sessions,
      clientAddress: options.clientAddress,
      report: (action) => {
        options.observer({ type: 'token', action });
      },
    };
    this.#ownHeaders = Object.entries(options.ownHeaders).flat();
    this.#check = setInterval(() => {
      const now = performance.now();
      for (const transfer of this.#transfers) transfer.check(now);
    }, CHECK_INTERVAL_MS).unref();
  }

  /** Requests and connections at the moment, and bytes so far; for metrics. */
  get numbers(): GatewayNumbers {
    let { bytesUp, bytesDown } = { bytesUp: this.#bytesUp, bytesDown: this.#bytesDown };
    for (const transfer of this.#transfers) {
      bytesUp += transfer.bytesUp;
      bytesDown += transfer.bytesDown;
    }
    return { inFlight: this.#transfers.size, bytesUp, bytesDown, ...this.#terms.connections.numbers };
  }

  /** Handles a request if it is for the Cells API. Otherwise returns `false` and does not touch it. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    // Preflights are left to CORS.
    if (request.method === 'OPTIONS') return false;
    const decision = decideTarget(request.url ?? '');
    if (decision.kind === 'elsewhere') return false;
    const requestId = this.options.requestId(request);
    if (decision.kind === 'malformed') {
      this.#refuseAtOnce({ request, response, requestId, api: undefined }, MALFORMED_TARGET);
      return true;
    }
    const { api, target } = decision;
    const framing = bodyFraming(request.headers);
    const failure = this.#judge(request, framing);
    if (failure !== undefined) this.#refuseAtOnce({ request, response, requestId, api }, failure);
    else this.#accept({ request, response, requestId, api, target, framing, token: this.#tokenOf(request) });
    return true;
  }

  #refuseAtOnce(received: ReceivedRequest, failure: GatewayFailure): void {
    const spans = GatewaySpans.begin(received.request, received.api);
    this.#refuse(received, failure);
    const end: TransferEnd = { outcome: failure.outcome, cut: false, headersMs: undefined, wholeMs: 0 };
    this.#report(received, end, spans);
    spans?.end(end, failure.status);
  }

  #accept(accepted: AcceptedRequest): void {
    const { request, response, api } = accepted;
    if (expectsContinue(request)) response.writeContinue();
    this.#transfer(accepted, GatewaySpans.begin(request, api, this.#terms.upstream));
  }

  /** Called after `#judge()`: an `Authorization` is exactly one Bearer token. */
  #tokenOf(request: IncomingMessage): RequestToken | undefined {
    const { authorization } = request.headers;
    if (authorization === undefined) return undefined;
    const own = authorization.slice(authorization.lastIndexOf(' ') + 1);
    return new RequestToken(own, request, this.#tokenTerms);
  }

  #judge(request: IncomingMessage, framing: BodyFraming): GatewayFailure | undefined {
    const { method = '', headers, rawHeaders } = request;
    if (!METHODS.has(method)) return METHOD_NOT_ALLOWED;
    if (headers.authorization !== undefined) {
      const [authorization = '', ...others] = headerValues(rawHeaders, 'authorization');
      if (others.length > 0 || !ONE_BEARER.test(authorization)) return NOT_A_BEARER;
    }
    if (expectsUnknown(request)) return UNKNOWN_EXPECTATION;
    if (framing.kind === 'length' && framing.length > this.#terms.maxBodyBytes) return this.#terms.tooLarge;
    return this.#terms.connections.full ? TOO_MANY_WAITING : undefined;
  }

  #transfer(accepted: AcceptedRequest, spans: GatewaySpans | undefined): void {
    const transfer = new Transfer(
      this.#terms,
      accepted,
      spans?.headers,
      (failure) => {
        this.#refuse(accepted, failure);
      },
      (end) => {
        this.#transfers.delete(transfer);
        this.#bytesUp += transfer.bytesUp;
        this.#bytesDown += transfer.bytesDown;
        this.#report(accepted, end, spans);
        spans?.end(end, statusOf(accepted.response));
      },
    );
    this.#transfers.add(transfer);
    transfer.start();
  }

  #report(
    { request, response, requestId, api }: ReceivedRequest,
    end: TransferEnd,
    spans: GatewaySpans | undefined,
  ): void {
    const event: GatewayEvent = {
      type: 'request_ended',
      requestId,
      method: METHODS.has(request.method ?? '') ? (request.method ?? '') : 'other',
      api,
      status: statusOf(response),
      ...end,
    };
    if (spans === undefined) this.options.observer(event);
    else {
      spans.within(() => {
        this.options.observer(event);
      });
    }
  }

  /** Answers instead of the Cells API. `Proxy-Status` shows that the answer is not the API's. */
  #refuse({ request, response, requestId }: ReceivedRequest, failure: GatewayFailure): void {
    const { status, error, description, proxyError, headers } = failure;
    const body = Buffer.from(new OAuthError({ error, status, description }).body);
    const bodyOutstanding = hasBody(bodyFraming(request.headers)) && !request.readableEnded;
    response.writeHead(status, [
      ...this.#ownHeaders,
      ...Object.entries(headers ?? {}).flat(),
      'Proxy-Status',
      `cells-authority; error=${proxyError}`,
      'X-Request-Id',
      requestId,
      'Content-Length',
      String(body.length),
      ...(bodyOutstanding ? ['Connection', 'close'] : []),
    ]);
    if (!bodyOutstanding || request.method === 'HEAD') {
      response.end(body);
      return;
    }
    response.write(body);
    endBeforeBody(request, response);
  }

  /** Whether the connection carries a transfer, which may take longer than other requests. */
  carries(socket: Socket): boolean {
    for (const transfer of this.#transfers) if (transfer.socket === socket) return true;
    return false;
  }

  /** Ends all transfers. Clients without an answer yet are told to try again. */
  endTransfers(): void {
    for (const transfer of this.#transfers) transfer.fail(STOPPING);
  }

  onApplicationShutdown(): void {
    clearInterval(this.#check);
    this.endTransfers();
    this.#terms.connections.destroy();
  }
}

function statusOf(response: ServerResponse): number | undefined {
  return response.headersSent ? response.statusCode : undefined;
}
