/** The module's monotonic clock: deadlines, holds and limits go by it. Tests put their own here. */
export const AUTHORITY_CLOCK = Symbol('AUTHORITY_CLOCK');

/** The machine's wall clock, which goes on while the machine is suspended. Tests put their own here. */
export const WALL_CLOCK = Symbol('WALL_CLOCK');

/** What tokens age by, made of the other two clocks. */
export const TOKEN_CLOCK = Symbol('TOKEN_CLOCK');

/** Spreads renewals in time: 0 inclusive to 1 exclusive. Tests put their own here. */
export const RANDOM = Symbol('RANDOM');

/** Whoever is told what happens. */
export const AUTHORITY_OBSERVER = Symbol('AUTHORITY_OBSERVER');

/** What is shared with other instances; `undefined` when there is no such store. */
export const SHARED_STORE = Symbol('SHARED_STORE');

/** Milliseconds that a request waits for the shared store. */
export const SHARED_STORE_PATIENCE_MS = Symbol('SHARED_STORE_PATIENCE_MS');

/** The paths at which the module serves the HTTP operation; none with `controller: false`. */
export const SERVED_PATHS = Symbol('SERVED_PATHS');
