import { type BearerTerms, type BearerTokens } from './bearer-tokens.js';

/** A request of the SDK, as it hands it to its authentication. */
interface SdkRequest {
  readonly uri?: unknown;
  headers?: Record<string, unknown>;
}

interface SdkAuthentication {
  applyToRequest(request: SdkRequest): unknown;
  handle401response(): unknown;
}

/** What is used of `CellsApi` of the package `asposecellscloud`. */
export interface CellsSdk {
  readonly configuration: {
    authentication: { applyToRequest(request: never, configuration: never): unknown };
    clientId: string;
    clientSecret: string;
    readonly baseUrl: string;
  };
}

/**
 * What the SDK asks for a token before each request. It repeats a request once after a 401, by itself and with the same
 * request object: a token that is in there already was refused.
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
    if (typeof uri !== 'string' || !URL.canParse(uri) || !this.origins.has(new URL(uri).origin)) return;
    const refused = this.#sent.get(request);
    const renewed = refused === undefined ? undefined : await this.tokens.renew(refused, this.terms);
    const token = renewed ?? refused ?? (await this.tokens.get(this.terms));
    this.#sent.set(request, token);
    request.headers = { ...request.headers, Authorization: `Bearer ${token}` };
  }

  /** The SDK's own would ask for a token with a refresh token that there is none of, and end the process when that fails. */
  handle401response(): Promise<void> {
    return Promise.resolve();
  }
}
