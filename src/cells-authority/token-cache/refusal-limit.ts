/**
 * Aspose bans a credential pair once it has failed 5 times in 10 minutes. One failure is left to what the pair's owner
 * does without us.
 */
export const REFUSALS_ALLOWED = 4;

/** Milliseconds for which a refusal counts: Aspose's window, against a pair and against an address that guesses alike. */
export const REFUSAL_COUNTS_MS = 600_000;

/**
 * Refusals after which a request that was refused itself is not forwarded again: one is left for the pair's other
 * requests, which may well be right.
 */
export const REFUSALS_ALLOWED_TO_ONE_REQUEST = REFUSALS_ALLOWED - 1;

const GROWING_HOLDS_MS = [5000, 30_000, 120_000, 300_000];

/** Milliseconds for which a pair is held after its nth refusal of those that still count. */
export function growingHoldMs(refusals: number): number {
  return GROWING_HOLDS_MS[refusals - 1] ?? REFUSAL_COUNTS_MS;
}

/** Characters. A longer body is not kept with a hold: the answer that is repeated has upstream's error code alone. */
export const MAX_HELD_BODY_LENGTH = 2048;
