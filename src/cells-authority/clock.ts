/** Milliseconds that only ever go forward; where they start means nothing. */
export type Clock = () => number;

/** A wall clock that jumps must neither revive a token nor hold a client: time is measured monotonically. */
export const monotonicClock: Clock = () => performance.now();
