import { isDeepStrictEqual } from 'node:util';
import { type HttpService } from '@nestjs/axios';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { CellsAuthorityService } from '../cells-authority.service.js';
import { type CredentialsSource } from '../cells-authority.options.js';
import { type Clock } from '../clock.js';
import { AUTHORITY_CLOCK } from '../injection-tokens.js';
import { isTokenUrl } from '../verified-tls.js';
import { type AnyAxiosInstance, AuthorizedAxios, axiosOf } from './authorized-axios.js';
import { authorizedFetch } from './authorized-fetch.js';
import { AuthorizedSdk, type CellsSdk } from './authorized-sdk.js';
import { type BearerTerms, BearerTokens } from './bearer-tokens.js';

/** Where the Cells API is. */
export const ASPOSE_API_ORIGIN = 'https://api.aspose.cloud';

/** How calls to the Cells API are authorized. */
export interface CellsApiAuthorizationOptions {
  /**
   * Origins that get the token, such as `https://api.aspose.cloud`; requests to any other go out without it, redirects
   * included. HTTPS, or plain HTTP to a loopback address. Default `['https://api.aspose.cloud']`, and for an SDK its
   * base URL.
   */
  readonly origins?: readonly string[] | undefined;
  /** Whose token to send, or a function that returns that for each request. Default: the module's `credentials`. */
  readonly credentials?: CredentialsSource | undefined;
  /** Space-separated scopes (RFC 6749 §3.3). Default none. */
  readonly scope?: string | undefined;
}

/** Which requests get a token, and whose. */
interface Terms extends BearerTerms {
  readonly origins: ReadonlySet<string>;
}

/** An attached client's terms, and the function that detaches it. */
interface Attachment {
  readonly terms: Terms;
  readonly by: CellsApiAuthorization;
  readonly undo: () => void;
}

const attachments = new WeakMap<object, Attachment>();

/**
 * Gives HTTP clients the tokens for calling the Cells API. When the API answers 401, exactly that token is dropped, and
 * the request is repeated once with a new one, unless its body is a stream. A token that has replaced another in the
 * last 10 seconds is not replaced again. Requests with an authorization of their own are left alone.
 *
 * If no token can be had, requests reject with an `OAuthError`. The request's own signal also ends the wait for a
 * token.
 */
@Injectable()
export class CellsApiAuthorization implements OnModuleDestroy {
  readonly #tokens: BearerTokens;
  readonly #attached = new Set<() => void>();

  /**
   * The global `fetch` with a token, for the application's own credentials and `https://api.aspose.cloud`. Bodies and
   * responses are those of `fetch` itself, streams included. Can be called without `this`.
   */
  readonly fetch: typeof globalThis.fetch;

  constructor(authority: CellsAuthorityService, @Inject(AUTHORITY_CLOCK) clock: Clock) {
    this.#tokens = new BearerTokens(authority, clock);
    this.fetch = this.createFetch();
  }

  /**
   * A `fetch` like {@link fetch}, on other terms.
   *
   * @throws Error when an origin is not a URL, or is neither HTTPS nor loopback.
   */
  createFetch(options: CellsApiAuthorizationOptions = {}): typeof globalThis.fetch {
    const terms = checkedTerms(options, ASPOSE_API_ORIGIN);
    return authorizedFetch(this.#tokens, terms.origins, terms);
  }

  /**
   * From now on every request of this `HttpService` or axios instance to the given origins carries the token. Its
   * `timeout` includes the wait for the token. Attaching it again on the same terms changes nothing.
   *
   * Nothing the caller gets shows the token: responses and axios errors come without `request`, and a response stream
   * is not an `IncomingMessage`.
   *
   * @returns a function that undoes it.
   * @throws Error when an origin is not a URL, or is neither HTTPS nor loopback.
   * @throws Error when it is already attached, on other terms or by another module.
   */
  attach(http: HttpService | AnyAxiosInstance, options: CellsApiAuthorizationOptions = {}): () => void {
    const instance = axiosOf(http);
    const terms = checkedTerms(options, ASPOSE_API_ORIGIN);
    return this.#attachOnce(instance, terms, () => {
      const authorized = new AuthorizedAxios(instance, this.#tokens, terms.origins, terms);
      return () => {
        authorized.detach();
      };
    });
  }

  /**
   * From now on `CellsApi` of the official SDK, the package `asposecellscloud`, gets its tokens here. The Client ID and
   * Client Secret that it was made with are no longer used.
   *
   * @returns a function that undoes it.
   * @throws Error when an origin is not a URL, or is neither HTTPS nor loopback.
   * @throws Error when it is already attached, on other terms or by another module.
   */
  attachSdk(sdk: CellsSdk, options: CellsApiAuthorizationOptions = {}): () => void {
    const { configuration } = sdk;
    const terms = checkedTerms(options, configuration.baseUrl);
    return this.#attachOnce(sdk, terms, () => {
      const { authentication, clientId } = configuration;
      configuration.authentication = new AuthorizedSdk(this.#tokens, terms.origins, terms);
      // Without a client id the SDK would not use its authentication at all.
      configuration.clientId ||= 'cells-authority';
      return () => {
        Object.assign(configuration, { authentication, clientId });
      };
    });
  }

  /** Detaches clients because a bare `HttpModule` uses an axios instance that all applications of the process share. */
  onModuleDestroy(): void {
    for (const undo of this.#attached) undo();
  }

  #attachOnce(client: object, terms: Terms, attach: () => () => void): () => void {
    const known = attachments.get(client);
    if (known !== undefined) {
      if (known.by === this && areSame(known.terms, terms)) return known.undo;
      throw new Error(
        known.by === this
          ? 'CellsApiAuthorization: it is attached already, on other terms; detach it first'
          : 'CellsApiAuthorization: another module is attached to it; HttpModule.register({}) makes an HttpService of its own',
      );
    }
    const detach = attach();
    const undo = () => {
      if (attachments.get(client)?.undo !== undo) return;
      attachments.delete(client);
      this.#attached.delete(undo);
      detach();
    };
    this.#attached.add(undo);
    attachments.set(client, { terms, by: this, undo });
    return undo;
  }
}

function checkedTerms({ origins, credentials, scope }: CellsApiAuthorizationOptions, byDefault: string): Terms {
  return { origins: new Set((origins ?? [byDefault]).map(checkedOrigin)), credentials, scope };
}

function areSame(one: Terms, other: Terms): boolean {
  return isDeepStrictEqual(one, other);
}

function checkedOrigin(origin: string): string {
  if (!isTokenUrl(origin)) {
    throw new Error('CellsApiAuthorization: origins must be https:// URLs, or http:// to a loopback address');
  }
  return new URL(origin).origin;
}
