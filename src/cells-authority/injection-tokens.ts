/** The module's clock; tests put their own here. */
export const AUTHORITY_CLOCK = Symbol('AUTHORITY_CLOCK');

/** Whoever is told what happens. */
export const AUTHORITY_OBSERVER = Symbol('AUTHORITY_OBSERVER');

/** What is shared with other instances; `undefined` when there is no such store. */
export const SHARED_STORE = Symbol('SHARED_STORE');

/** Whether the module serves the HTTP operation: its option `controller`. */
export const SERVES_HTTP = Symbol('SERVES_HTTP');
