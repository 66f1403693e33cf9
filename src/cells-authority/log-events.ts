import { Logger } from '@nestjs/common';
import { type AuthorityEvent, type AuthorityObserver, type SharedStoreOutcome } from './authority-observer.js';

/** Outcomes with the shared store that an operator has to look at. */
const TROUBLE: ReadonlySet<SharedStoreOutcome> = new Set(['unavailable', 'tampered', 'other_secret'] as const);

/**
 * The default observer: writes events to Nest's logger, as objects. Events that need attention are warnings, the others
 * go to the debug level. To keep these logs beside an observer of your own, call it from there.
 */
export function logEvents(): AuthorityObserver {
  const logger = new Logger('CellsAuthority');
  return (event) => {
    // One or more per request: too many to be useful.
    if (event.type === 'token_served' || event.type === 'shared_store_answer') return;
    if (event.type === 'token_request' && event.outcome === 'token') return;
    const line = rounded(event);
    if (deservesWarning(event)) logger.warn(line);
    else logger.debug(line);
  };
}

/** Rounds durations to tenths of a millisecond. */
function rounded(event: AuthorityEvent): object {
  return 'durationMs' in event ? { ...event, durationMs: Math.round(event.durationMs * 10) / 10 } : { ...event };
}

function deservesWarning(event: AuthorityEvent): boolean {
  switch (event.type) {
    case 'upstream_request':
      return event.outcome !== 'token';
    case 'shared_store':
      return TROUBLE.has(event.outcome);
    case 'held':
    case 'guessing_slowed':
    case 'circuit':
      return true;
    default:
      return false;
  }
}
