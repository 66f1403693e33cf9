import { type HttpService } from '@nestjs/axios';
import { Injectable } from '@nestjs/common';
import axios, { type AxiosAdapter, type AxiosInstance, type InternalAxiosRequestConfig } from 'axios';
import { isTokenUrl } from '../verified-tls.js';
import { CellsAuthorityService } from '../cells-authority.service.js';
import { type ClientCredentials } from '../client-credentials/client-credentials.js';
import { sendBearer } from './bearer-attempt.js';
import { isRepeatable } from './repeatable-body.js';

/** Where the Cells API is. */
export const ASPOSE_API_ORIGIN = 'https://api.aspose.cloud';

/** How calls of the Cells API are authorized. */
export interface CellsApiAuthorizationOptions {
  /**
   * Origins that get the token, such as `https://api.aspose.cloud`; requests to any other go out without it, redirects
   * included. HTTPS, or plain HTTP to a loopback address. Default `['https://api.aspose.cloud']`.
   */
  readonly origins?: readonly string[];
  /** Whose token it is. Default: the application's own (the module's option `credentials`). */
  readonly credentials?: ClientCredentials;
  /** Space-separated scopes (RFC 6749 §3.3). Default none. */
  readonly scope?: string;
}

interface Terms {
  readonly origins: ReadonlySet<string>;
  readonly credentials: ClientCredentials | undefined;
  readonly scope: string | undefined;
}

/** No defaults, so that it says where a complete configuration goes and nothing else. */
const bare = new axios.Axios({});

/** Gives an axios instance the token it calls the Cells API with. */
@Injectable()
export class CellsApiAuthorization {
  readonly #adapters = new WeakSet<object>();

  constructor(private readonly authority: CellsAuthorityService) {}

  /**
   * From now on every request of this `HttpService` or axios instance to the given origins carries the Bearer. On a 401
   * that token, and no newer one, is dropped and the request repeated once with a new one, unless its body is a stream.
   * A request with an `Authorization` or `auth` of its own is left alone. To be called once per instance.
   *
   * Requests reject with an `OAuthError` when no token can be had. Nothing the caller gets shows the token: responses
   * and axios errors come without `request`, and a response stream is no `IncomingMessage`.
   *
   * @returns a function that undoes it.
   * @throws Error when an origin is none, or neither HTTPS nor loopback.
   */
  attach(http: HttpService | AxiosInstance, options: CellsApiAuthorizationOptions = {}): () => void {
    const instance = 'axiosRef' in http ? http.axiosRef : http;
    const { origins = [ASPOSE_API_ORIGIN], credentials, scope } = options;
    const terms = { origins: new Set(origins.map(checkedOrigin)), credentials, scope };
    const { request } = instance.interceptors;
    const interceptor = request.use((config) => this.#authorize(config, instance, terms));
    return () => {
      request.eject(interceptor);
    };
  }

  /** At the adapter, where URL and body are final, so that the repetition goes through no interceptor twice. */
  #authorize(config: InternalAxiosRequestConfig, instance: AxiosInstance, terms: Terms): InternalAxiosRequestConfig {
    const chosen = config.adapter ?? instance.defaults.adapter;
    // A retry plugin's second try comes with the adapter that it got on the first.
    if (typeof chosen === 'function' && this.#adapters.has(chosen)) return config;
    const adapter: AxiosAdapter = (final) => this.#send(final, axios.getAdapter(chosen), terms);
    this.#adapters.add(adapter);
    config.adapter = adapter;
    return config;
  }

  async #send(config: InternalAxiosRequestConfig, adapter: AxiosAdapter, terms: Terms): ReturnType<AxiosAdapter> {
    const origin = originOf(config);
    if (origin === undefined || !terms.origins.has(origin) || hasOwnAuthorization(config)) return adapter(config);
    const token = await this.#token(config, terms);
    const attempt = await sendBearer(config, adapter, token, origin);
    if (!attempt.unauthorized) return attempt.settle();
    this.authority.invalidate(token);
    if (!isRepeatable(config.data)) return attempt.settle();
    attempt.discard();
    return (await sendBearer(config, adapter, await this.#token(config, terms), origin)).settle();
  }

  async #token({ signal }: InternalAxiosRequestConfig, { credentials, scope }: Terms): Promise<string> {
    const options = { scope, signal: signal instanceof AbortSignal ? signal : undefined };
    if (credentials === undefined) return this.authority.getAccessToken(options);
    return (await this.authority.postAccessToken(credentials, options)).access_token;
  }
}

function originOf(config: InternalAxiosRequestConfig): string | undefined {
  const url = bare.getUri(config);
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

function hasOwnAuthorization({ auth, headers }: InternalAxiosRequestConfig): boolean {
  return auth !== undefined || headers.has('Authorization');
}

function checkedOrigin(origin: string): string {
  if (!isTokenUrl(origin)) {
    throw new Error('CellsApiAuthorization: origins must be https:// URLs, or http:// to a loopback address');
  }
  return new URL(origin).origin;
}
