import { type HttpService } from '@nestjs/axios';
import { Injectable } from '@nestjs/common';
import { type AxiosAdapter, type AxiosInstance, type InternalAxiosRequestConfig } from 'axios';
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

/** An axios instance, whether the host has axios' types for ES modules or those for CommonJS: they do not fit each other. */
export interface AnyAxiosInstance {
  readonly interceptors: { readonly request: object; readonly response: object };
  readonly defaults: object;
}

interface Terms {
  readonly origins: ReadonlySet<string>;
  readonly credentials: ClientCredentials | undefined;
  readonly scope: string | undefined;
}

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
  attach(http: HttpService | AnyAxiosInstance, options: CellsApiAuthorizationOptions = {}): () => void {
    const instance = axiosOf(http);
    const { origins = [ASPOSE_API_ORIGIN], credentials, scope } = options;
    const terms = { origins: new Set(origins.map(checkedOrigin)), credentials, scope };
    const { request } = instance.interceptors;
    const transport = transportLike(instance);
    const interceptor = request.use((config) => this.#authorize(config, instance, transport, terms));
    return () => {
      request.eject(interceptor);
    };
  }

  /** At the adapter, where URL and body are final, so that the repetition goes through no interceptor twice. */
  #authorize(
    config: InternalAxiosRequestConfig,
    instance: AxiosInstance,
    transport: AxiosInstance,
    terms: Terms,
  ): InternalAxiosRequestConfig {
    const chosen = config.adapter ?? instance.defaults.adapter;
    // A retry plugin's second try comes with the adapter that it got on the first.
    if (typeof chosen === 'function' && this.#adapters.has(chosen)) return config;
    const asItIs = { adapter: chosen, transformRequest: [], transformResponse: [] };
    const send: AxiosAdapter = (final) => transport.request({ ...final, ...asItIs });
    const adapter: AxiosAdapter = (final) => this.#send(final, send, terms, transport.getUri(final));
    this.#adapters.add(adapter);
    config.adapter = adapter;
    return config;
  }

  async #send(
    config: InternalAxiosRequestConfig,
    adapter: AxiosAdapter,
    terms: Terms,
    url: string,
  ): ReturnType<AxiosAdapter> {
    const origin = URL.canParse(url) ? new URL(url).origin : undefined;
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

function axiosOf(http: HttpService | AnyAxiosInstance): AxiosInstance {
  const instance = 'axiosRef' in http ? http.axiosRef : http;
  if (!isAxiosInstance(instance))
    throw new Error('CellsApiAuthorization: attach() needs an HttpService or axios instance');
  return instance;
}

function isAxiosInstance(http: AnyAxiosInstance): http is AxiosInstance {
  return 'use' in http.interceptors.request && 'create' in http;
}

/**
 * Sends complete configurations, without interceptors or defaults. Made by the host's own copy of axios, which may not be
 * the one that is imported here: in a CommonJS application, `require('axios')` has classes of its own.
 */
function transportLike(instance: AxiosInstance): AxiosInstance {
  const transport = instance.create();
  for (const name of Object.keys(transport.defaults)) Reflect.deleteProperty(transport.defaults, name);
  return transport;
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
