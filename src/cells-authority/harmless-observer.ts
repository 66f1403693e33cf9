import { Logger } from '@nestjs/common';
import { type AuthorityEvent, type AuthorityObserver } from './authority-observer.js';
import { type Clock } from './clock.js';

const WARNING_INTERVAL_MS = 60_000;

/**
 * The host's observer, made unable to change what happens to a request: what it throws, and what a promise that it
 * returns rejects with, ends in a warning, one a minute at most. The error itself is not shown, for nobody knows what is
 * in it.
 */
export function harmlessObserver(observer: AuthorityObserver, clock: Clock): AuthorityObserver {
  const logger = new Logger('CellsAuthority');
  let warnedAt = -Infinity;
  const warn = ({ type }: AuthorityEvent) => {
    const now = clock();
    if (now - warnedAt < WARNING_INTERVAL_MS) return;
    warnedAt = now;
    try {
      logger.warn(`The observer failed at an event of type "${type}"; the request went on without it`);
    } catch {
      // The host's logger may be what failed.
    }
  };
  // An async function fits the type as well, and so may return a promise.
  const told: (event: AuthorityEvent) => unknown = observer;
  return (event) => {
    try {
      const returned = told(event);
      if (typeof returned === 'object' && returned !== null) {
        Promise.resolve(returned).catch(() => {
          warn(event);
        });
      }
    } catch {
      warn(event);
    }
  };
}
