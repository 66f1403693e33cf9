/**
 * Aspose bans a credential pair after 5 failures in 10 minutes. One failure is left for requests that the pair's owner
 * sends directly.
 */
export const REFUSALS_ALLOWED = 4;

/** Milliseconds for which a refusal counts, against a pair and against an address: Aspose's own window. */
export const REFUSAL_COUNTS_MS = 600_000;

/**
 * After this many refusals a request that was itself refused is not forwarded again. One refusal is left for the pair's
 * other requests, which may well be right.
 */
export const REFUSALS_ALLOWED_TO_ONE_REQUEST = REFUSALS_ALLOWED - 1;

const GROWING_HOLDS_MS = [5000, 30_000, 120_000, 300_000];

/** Milliseconds for which a pair is held after this many refusals. */
export function growingHoldMs(refusals: number): number {
  return GROWING_HOLDS_MS[refusals - 1] ?? REFUSAL_COUNTS_MS;
}

/** Characters. A longer body is not kept with a hold: the repeated answer then has only upstream's error code. */
export const MAX_HELD_BODY_LENGTH = 2048;
