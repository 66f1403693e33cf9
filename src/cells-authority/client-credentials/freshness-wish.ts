import { type FreshnessWish } from './client-credentials.js';

const NO_WISH: FreshnessWish = { forceRefresh: false, minFresh: 0 };

/** Reads `no-cache` and `min-fresh=N` from a request's Cache-Control (RFC 9111 §5.2.1); anything else in it is ignored. */
export function readFreshnessWish(cacheControl: string | undefined): FreshnessWish {
  if (cacheControl === undefined) return NO_WISH;
  let forceRefresh = false;
  let minFresh = 0;
  for (const directive of cacheControl.toLowerCase().split(',')) {
    const [name, argument] = directive.trim().split('=', 2);
    if (name === 'no-cache') forceRefresh = true;
    const seconds = /^"?(\d{1,9})"?$/.exec(argument ?? '')?.[1];
    if (name === 'min-fresh' && seconds !== undefined) minFresh = Number(seconds);
  }
  return { forceRefresh, minFresh };
}
