/** The module's clock; tests put their own here. */
export const AUTHORITY_CLOCK = Symbol('AUTHORITY_CLOCK');

/** Whoever is told what happens. */
export const AUTHORITY_OBSERVER = Symbol('AUTHORITY_OBSERVER');

/** Whether the module serves the HTTP operation: its option `controller`. */
export const SERVES_HTTP = Symbol('SERVES_HTTP');
