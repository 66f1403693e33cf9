import { HttpService } from '@nestjs/axios';
import { Inject, Injectable } from '@nestjs/common';
import axios, { AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
import { AUTHORITY_OPTIONS, type AuthorityOptions } from '../cells-authority.options.js';
import { TOKEN_HTTP } from '../injection-tokens.js';
import { type ConnectionPool } from './connection-pool.js';
import { type UpstreamResponse } from './token-exchange.js';
import { TransportFailure } from './transport-failure.js';

/** Sent with every token request, beside the content type that axios sets for a form. */
const REQUEST_HEADERS = { Accept: 'application/json', 'Accept-Encoding': 'identity' };

/**
 * Makes the `HttpService` that token requests go through. It sends through the connection pool and accepts any status,
 * so axios never makes an error, which would contain the request and with it the secret.
 *
 * It has none of axios' defaults: merging them into every request would take three times as long as the rest of axios
 * (docs/decisions.md).
 */
export function tokenHttpService(pool: ConnectionPool, { upstreamTokenUrl }: AuthorityOptions): HttpService {
  const { pathname, search } = new URL(upstreamTokenUrl);
  const instance = axios.create();
  for (const name of Object.keys(instance.defaults)) Reflect.deleteProperty(instance.defaults, name);
  instance.defaults.adapter = (config) => sendThrough(pool, pathname + search, config);
  return new HttpService(instance);
}

function sendThrough(
  pool: ConnectionPool,
  path: string,
  config: InternalAxiosRequestConfig,
): Promise<AxiosResponse<string>> {
  const headers: Record<string, string> = { ...REQUEST_HEADERS };
  for (const [name, value] of Object.entries(config.headers)) headers[name] = String(value);
  const exchange = pool.exchange({
    path,
    headers,
    body: String(config.data),
    timeoutMs: config.timeout ?? 0,
    ownConnection: config.headers.get('Connection') === 'close',
  });
  return exchange.then(({ status, retryAfter, body }) => ({
    status,
    statusText: '',
    headers: new AxiosHeaders(retryAfter === undefined ? undefined : { 'retry-after': retryAfter }),
    data: body,
    config,
  }));
}

/** The token endpoint (RFC 6749 §3.2). On the path of a token request no other class knows axios and `HttpService`. */
@Injectable()
export class TokenEndpoint {
  constructor(
    @Inject(TOKEN_HTTP) private readonly http: HttpService,
    @Inject(AUTHORITY_OPTIONS) private readonly options: AuthorityOptions,
  ) {}

  /** Sends one request. Returns the answer, whatever its status, or why there is none. */
  post(
    form: string,
    timeoutMs: number,
    headers: Record<string, string> | undefined,
  ): Promise<UpstreamResponse | TransportFailure> {
    const url = this.options.upstreamTokenUrl;
    const request = { method: 'post', url, data: form, timeout: timeoutMs, ...(headers && { headers }) };
    return this.http.axiosRef.request<string>(request).then(responseOf, failureOf);
  }
}

function responseOf({ status, headers, data }: AxiosResponse<string>): UpstreamResponse {
  const retryAfter: unknown = headers['retry-after'];
  return { status, retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined, body: data };
}

/** Other errors are not passed on: they may contain the request and with it the secret. */
function failureOf(error: unknown): TransportFailure {
  return error instanceof TransportFailure ? error : new TransportFailure('connection_lost', false, 'UNKNOWN');
}
