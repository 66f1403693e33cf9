/** The options as they were given to `forRoot()`, or made by `forRootAsync()`: for tests that override them. */
export const CELLS_AUTHORITY_OPTIONS = Symbol('CELLS_AUTHORITY_OPTIONS');

/** The module's monotonic clock: deadlines, holds and limits go by it. Tests override it. */
export const AUTHORITY_CLOCK = Symbol('AUTHORITY_CLOCK');

/** The wall clock, which goes on while the machine is suspended. Tests override it. */
export const WALL_CLOCK = Symbol('WALL_CLOCK');

/** The clock that tokens age by, made of the other two. */
export const TOKEN_CLOCK = Symbol('TOKEN_CLOCK');

/** Random numbers, 0 inclusive to 1 exclusive, that spread renewals in time. Tests override it. */
export const RANDOM = Symbol('RANDOM');

/** The host's observer, or the default one; it never throws. */
export const AUTHORITY_OBSERVER = Symbol('AUTHORITY_OBSERVER');

/** The store that instances share; `undefined` unless tokens are kept in Redis. */
export const SHARED_STORE = Symbol('SHARED_STORE');

/** Milliseconds that a request waits for the shared store. */
export const SHARED_STORE_PATIENCE_MS = Symbol('SHARED_STORE_PATIENCE_MS');

/** The paths at which the module serves the HTTP operation; none with `controller: false`. */
export const SERVED_PATHS = Symbol('SERVED_PATHS');

/** The `HttpService` that token requests go through: never the host's, nor the host's to override or attach to. */
export const TOKEN_HTTP = Symbol('TOKEN_HTTP');

/** Nothing to inject: Nest waits for what it stands for, the description of the operation for OpenAPI documents. */
export const OPERATION_DESCRIPTION = Symbol('OPERATION_DESCRIPTION');
