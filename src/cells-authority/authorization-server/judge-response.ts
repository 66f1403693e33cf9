import { type UpstreamOutcome } from '../authority-observer.js';
import { OAuthError } from '../errors/oauth-error.js';
import { serverError, temporarilyUnavailable, tooManyRequests } from '../errors/oauth-errors.js';
import { IssuedToken } from './issued-token.js';
import { type UpstreamResponse } from './token-exchange.js';

/** What the authorization server's answer means. */
export type Judgement =
  | { readonly outcome: 'token'; readonly token: IssuedToken }
  | { readonly outcome: Exclude<UpstreamOutcome, 'token'>; readonly error: OAuthError };

const NOT_OAUTH = 'The authorization server gave an answer that is not OAuth';
const UPSTREAM_RETRY_AFTER_S = 5;
const THROTTLED_RETRY_AFTER_S = 60;

/** Judges an answer by RFC 6749 §5 and Aspose's published limits. An answer that repeats `secret` is not relayed. */
export function judgeResponse(response: UpstreamResponse, secret: string): Judgement {
  const { status } = response;
  if (status === 200) return judgeSuccess(response.body);
  if (status >= 300 && status < 400) {
    return { outcome: 'redirected', error: serverError('The authorization server redirected the request') };
  }
  const retryAfter = parseRetryAfter(response.retryAfter);
  if (status === 429) {
    const seconds = retryAfter ?? THROTTLED_RETRY_AFTER_S;
    return {
      outcome: 'throttled',
      error: tooManyRequests('The authorization server throttles these credentials', seconds),
    };
  }
  if (status >= 500) {
    const seconds = retryAfter ?? UPSTREAM_RETRY_AFTER_S;
    return {
      outcome: 'upstream_error',
      error: temporarilyUnavailable('The authorization server is failing', seconds),
    };
  }
  if (status >= 400) return judgeRefusal(response, secret);
  return { outcome: 'invalid_response', error: serverError(NOT_OAUTH) };
}

function judgeSuccess(body: string): Judgement {
  const token = IssuedToken.parse(body);
  return token === undefined
    ? { outcome: 'invalid_response', error: serverError(NOT_OAUTH) }
    : { outcome: 'token', token };
}

function judgeRefusal({ status, body }: UpstreamResponse, secret: string): Judgement {
  const code = errorCodeOf(body);
  if (code === undefined) return { outcome: 'invalid_response', error: serverError(NOT_OAUTH) };
  const error = new OAuthError({
    error: code,
    status,
    description: 'The authorization server refused the request',
    // Of an error response that repeats the secret only the code is kept.
    relayedBody: repeats(body, secret) ? undefined : body,
  });
  return { outcome: 'refused', error };
}

/** `error` of an OAuth error response, in the characters of RFC 6749 §5.2; `undefined` for other bodies. */
function errorCodeOf(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null || !('error' in value)) return undefined;
    const { error } = value;
    return typeof error === 'string' && /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}$/.test(error) ? error : undefined;
  } catch {
    return undefined;
  }
}

function repeats(body: string, secret: string): boolean {
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)].some((text) => body.includes(text));
}

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
  // Date.parse accepts far more than HTTP dates, which all begin with the name of a day.
  const date = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : clamp(Math.ceil((date - wallClockMs) / 1000));
}

function clamp(seconds: number): number {
  return Math.min(Math.max(seconds, SHORTEST_S), LONGEST_S);
}
