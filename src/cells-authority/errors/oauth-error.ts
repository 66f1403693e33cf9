/** What an {@link OAuthError} is made of. */
export interface OAuthErrorInit {
  /** RFC 6749 §5.2 error code, or one that the authorization server made up. */
  readonly error: string;
  /** HTTP status of the answer, 400..599. */
  readonly status: number;
  /** `error_description`: only characters of RFC 6749 §5.2, and nothing that a caller sent. */
  readonly description: string;
  /** Seconds after which another try makes sense (RFC 9110 §10.2.3). */
  readonly retryAfter?: number | undefined;
  /** The authorization server's own error response, relayed unchanged. Without it the answer is composed here. */
  readonly relayedBody?: string | undefined;
  /** Further response headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The same in all copies of this module. */
const BRAND = Symbol.for('cells-authority:OAuthError');

/**
 * The one error that this library throws: an OAuth 2.0 error response (RFC 6749 §5.2) with its HTTP status.
 * It contains no secret, whether printed, inspected or serialised: no request, and no upstream error as its cause.
 */
export class OAuthError extends Error {
  /** Also recognises errors of other copies of this class: a process may load the package twice, as tests do. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== OAuthError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  static {
    // On the prototype, so that it does not appear when the error is printed.
    Object.defineProperty(this.prototype, BRAND, { value: true });
  }
  /** RFC 6749 §5.2 error code. */
  readonly error: string;
  /** HTTP status, 400..599. */
  readonly status: number;
  /** Human-readable, without anything that a caller sent. */
  readonly description: string;
  /** Seconds after which another try makes sense; `undefined` when unknown. */
  readonly retryAfter: number | undefined;
  // Private, so that printing or serialising the error cannot show what upstream sent.
  readonly #relayedBody: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(init: OAuthErrorInit) {
    super(`${init.error}: ${init.description}`);
    this.name = 'OAuthError';
    this.error = init.error;
    this.status = init.status;
    this.description = init.description;
    this.retryAfter = init.retryAfter;
    this.#relayedBody = init.relayedBody;
    this.#headers = init.headers ?? {};
  }

  /** The response body: upstream's own, or the error response composed here. */
  get body(): string {
    return this.#relayedBody ?? composeErrorResponse(this.error, this.description);
  }

  /** The response headers of this error, `Retry-After` included. */
  get headers(): Record<string, string> {
    return this.retryAfter === undefined
      ? { ...this.#headers }
      : { ...this.#headers, 'Retry-After': String(this.retryAfter) };
  }

  /** The same error with some parts replaced. */
  with(changes: Partial<Pick<OAuthErrorInit, 'status' | 'retryAfter' | 'headers'>>): OAuthError {
    return new OAuthError({
      error: this.error,
      status: this.status,
      description: this.description,
      retryAfter: this.retryAfter,
      relayedBody: this.#relayedBody,
      headers: this.#headers,
      ...changes,
    });
  }
}

/** An error response (RFC 6749 §5.2). `message` repeats the description because Aspose's Node SDK shows only that. */
export function composeErrorResponse(error: string, description: string): string {
  return JSON.stringify({ error, error_description: description, message: description });
}
