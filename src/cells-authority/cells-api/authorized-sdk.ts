import { type BearerTerms, type BearerTokens } from './bearer-tokens.js';

/** A request of the SDK, as passed to its authentication. */
interface SdkRequest {
  readonly uri?: unknown;
  headers?: Record<string, unknown>;
  /** Asked before each redirect is followed. */
  followRedirect?: (response: { readonly headers: { readonly location?: string } }) => boolean;
}

interface SdkAuthentication {
  applyToRequest(request: SdkRequest): unknown;
  handle401response(): unknown;
}

/** The part of `CellsApi` of the package `asposecellscloud` that is used here. */
export interface CellsSdk {
  readonly configuration: {
    authentication: { applyToRequest(request: never, configuration: never): unknown };
    clientId: string;
    clientSecret: string;
    readonly baseUrl: string;
  };
}

/**
 * Gives the SDK a token before each request. After a 401 the SDK itself repeats the request once, with the same request
 * object. So a token that is already in there has been refused.
 */
export class AuthorizedSdk implements SdkAuthentication {
  readonly #sent = new WeakMap<SdkRequest, string>();

  constructor(
    private readonly tokens: BearerTokens,
    private readonly origins: ReadonlySet<string>,
    private readonly terms: BearerTerms,
  ) {}

  async applyToRequest(request: SdkRequest): Promise<void> {
    const { uri } = request;
    if (typeof uri !== 'string' || !URL.canParse(uri)) return;
    const { origin } = new URL(uri);
    if (!this.origins.has(origin)) return;
    const refused = this.#sent.get(request);
    const renewed = refused === undefined ? undefined : await this.tokens.renew(refused, this.terms);
    const token = renewed ?? refused ?? (await this.tokens.get(this.terms));
    this.#sent.set(request, token);
    request.headers = { ...request.headers, Authorization: `Bearer ${token}` };
    // The SDK's HTTP client would send the token on to another port or scheme of the same host.
    request.followRedirect = ({ headers: { location = '' } }) =>
      URL.canParse(location, uri) && new URL(location, uri).origin === origin;
  }

  /** The SDK's own version would use a refresh token, which there is not, and end the process when that fails. */
  handle401response(): Promise<void> {
    return Promise.resolve();
  }
}
