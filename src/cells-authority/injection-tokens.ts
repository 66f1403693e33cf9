/** The options as given to `forRoot()` or made by `forRootAsync()`; tests can override them. */
export const CELLS_AUTHORITY_OPTIONS = Symbol('CELLS_AUTHORITY_OPTIONS');

/** The module's monotonic clock, for deadlines, holds and limits. Tests override it. */
export const AUTHORITY_CLOCK = Symbol('AUTHORITY_CLOCK');

/** The wall clock, which keeps going while the machine is suspended. Tests override it. */
export const WALL_CLOCK = Symbol('WALL_CLOCK');

/** The clock that tokens age by, made of the other two. */
export const TOKEN_CLOCK = Symbol('TOKEN_CLOCK');

/** Random numbers from 0 up to but not including 1, to spread renewals over time. Tests override it. */
export const RANDOM = Symbol('RANDOM');

/** The host's observer, or the default one; it never throws. */
export const AUTHORITY_OBSERVER = Symbol('AUTHORITY_OBSERVER');

/** The store that instances share; `undefined` unless tokens are kept in Redis. */
export const SHARED_STORE = Symbol('SHARED_STORE');

/** Milliseconds that a request waits for the shared store. */
export const SHARED_STORE_PATIENCE_MS = Symbol('SHARED_STORE_PATIENCE_MS');

/** The paths at which the module serves the HTTP operation; none with `controller: false`. */
export const SERVED_PATHS = Symbol('SERVED_PATHS');

/** The `HttpService` for token requests: never the host's, and not the host's to override or attach to. */
export const TOKEN_HTTP = Symbol('TOKEN_HTTP');

/** Not to be injected: makes Nest wait until the operation is described for OpenAPI documents. */
export const OPERATION_DESCRIPTION = Symbol('OPERATION_DESCRIPTION');
