import { type HttpService } from '@nestjs/axios';
import {
  type AxiosAdapter,
  AxiosError,
  type AxiosInstance,
  type AxiosResponse,
  CanceledError,
  type InternalAxiosRequestConfig,
} from 'axios';
import { sendBearer } from './bearer-attempt.js';
import { type BearerTerms, type BearerTokens } from './bearer-tokens.js';
import { isRepeatable, withRepeatableForm } from './repeatable-body.js';

/** An axios instance by axios' types for ES modules or those for CommonJS, which are not compatible. */
export interface AnyAxiosInstance {
  readonly interceptors: { readonly request: object; readonly response: object };
  readonly defaults: object;
}

/** Adds tokens to an axios instance's requests to some origins, in its adapter, where URL and body are final. */
export class AuthorizedAxios {
  readonly #adapters = new WeakSet<object>();
  readonly #transport: AxiosInstance;
  readonly #interceptor: number;

  constructor(
    private readonly instance: AxiosInstance,
    private readonly tokens: BearerTokens,
    private readonly origins: ReadonlySet<string>,
    private readonly terms: BearerTerms,
  ) {
    this.#transport = transportLike(instance);
    this.#interceptor = instance.interceptors.request.use((config) => this.#authorize(config));
  }

  detach(): void {
    this.instance.interceptors.request.eject(this.#interceptor);
  }

  #authorize(config: InternalAxiosRequestConfig): InternalAxiosRequestConfig {
    const chosen = config.adapter ?? this.instance.defaults.adapter;
    // A retry plugin passes on the adapter from the first try.
    if (typeof chosen === 'function' && this.#adapters.has(chosen)) return config;
    const asItIs = { adapter: chosen, transformRequest: [], transformResponse: [] };
    const send: AxiosAdapter = (final) => this.#transport.request({ ...final, ...asItIs });
    const adapter: AxiosAdapter = (final) => this.#send(final, send);
    this.#adapters.add(adapter);
    config.adapter = adapter;
    return config;
  }

  async #send(config: InternalAxiosRequestConfig, adapter: AxiosAdapter): Promise<AxiosResponse> {
    const url = this.#transport.getUri(config);
    const origin = URL.canParse(url) ? new URL(url).origin : '';
    if (!this.origins.has(origin) || hasOwnAuthorization(config)) return adapter(config);
    const budget = new RequestBudget(config);
    const body = withRepeatableForm(config);
    const attempt = (token: string) => sendBearer(config, { ...body, ...budget.left() }, adapter, token, origin);

    const token = await budget.wait((signal) => this.tokens.get(this.terms, signal));
    const first = await attempt(token);
    if (!first.unauthorized) return first.settle();
    if (!isRepeatable(body.data)) {
      this.tokens.renewInBackground(token, this.terms);
      return first.settle();
    }
    const renewed = await budget.wait((signal) => this.tokens.renew(token, this.terms, signal));
    if (renewed === undefined) return first.settle();
    first.discard();
    return (await attempt(renewed)).settle();
  }
}

/** @throws Error when a JavaScript host passes something else. */
export function axiosOf(http: HttpService | AnyAxiosInstance): AxiosInstance {
  const instance = 'axiosRef' in http ? http.axiosRef : http;
  if (!isAxiosInstance(instance))
    throw new Error('CellsApiAuthorization: attach() needs an HttpService or axios instance');
  return instance;
}

function isAxiosInstance(http: AnyAxiosInstance): http is AxiosInstance {
  return 'use' in http.interceptors.request && 'create' in http;
}

/**
 * Sends complete configurations, without interceptors or defaults. Made from the host's own copy of axios, which may
 * not be the one imported here: in a CommonJS application, `require('axios')` has its own classes.
 */
function transportLike(instance: AxiosInstance): AxiosInstance {
  const transport = instance.create();
  for (const name of Object.keys(transport.defaults)) Reflect.deleteProperty(transport.defaults, name);
  return transport;
}

function hasOwnAuthorization({ auth, headers }: InternalAxiosRequestConfig): boolean {
  return auth !== undefined || headers.has('Authorization');
}

/** A request's `timeout` and `signal`, which also cover getting its token and repeating it. */
class RequestBudget {
  readonly #begunAt = performance.now();

  constructor(private readonly config: InternalAxiosRequestConfig) {}

  /** The settings for what is still to be sent. */
  left(): Pick<InternalAxiosRequestConfig, 'timeout' | 'timeoutErrorMessage'> {
    const { timeout = 0, timeoutErrorMessage } = this.config;
    if (timeout <= 0) return {};
    const left = Math.max(1, Math.ceil(timeout - (performance.now() - this.#begunAt)));
    return { timeout: left, timeoutErrorMessage: timeoutErrorMessage ?? `timeout of ${timeout}ms exceeded` };
  }

  /** @throws AxiosError when the time is up or the request is cancelled before the work is done. */
  async wait<T>(work: (signal: AbortSignal | undefined) => Promise<T>): Promise<T> {
    const { signal } = this.config;
    const { timeout } = this.left();
    const cancelled = signal instanceof AbortSignal ? signal : undefined;
    const late = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
    const either = [cancelled, late].filter((each) => each !== undefined);
    try {
      return await work(either.length === 0 ? undefined : AbortSignal.any(either));
    } catch (error) {
      if (cancelled?.aborted === true) throw new CanceledError(undefined, undefined, this.config);
      if (late?.aborted === true && error === late.reason) throw this.#timedOut();
      throw error;
    }
  }

  #timedOut(): AxiosError {
    const { transitional } = this.config;
    const code = transitional?.clarifyTimeoutError === true ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED;
    return new AxiosError(this.left().timeoutErrorMessage, code, this.config);
  }
}
