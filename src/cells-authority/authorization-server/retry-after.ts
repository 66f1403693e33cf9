const SHORTEST_S = 1;
const LONGEST_S = 3600;

/**
 * Seconds of a Retry-After header, given as seconds or as an HTTP date (RFC 9110 §10.2.3), clamped to 1..3600;
 * `undefined` when it is absent or unreadable.
 */
export function parseRetryAfter(header: string | undefined, wallClockMs = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,15}$/.test(text)) return clamp(Number(text));
  // Date.parse reads far more than HTTP dates; all of those begin with the name of a day.
  const date = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : clamp(Math.ceil((date - wallClockMs) / 1000));
}

function clamp(seconds: number): number {
  return Math.min(Math.max(seconds, SHORTEST_S), LONGEST_S);
}
