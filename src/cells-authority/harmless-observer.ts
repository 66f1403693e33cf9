import { Logger } from '@nestjs/common';
import { type AuthorityEvent, type AuthorityObserver } from './authority-observer.js';
import { type AuthorityOptions } from './cells-authority.options.js';
import { type Clock } from './clock.js';
import { logEvents } from './log-events.js';

const WARNING_INTERVAL_MS = 60_000;

/**
 * Wraps the host's observer, or the default one, so that its failures never reach a request: an error or a rejected
 * promise only causes a warning, at most once a minute. The error is not shown, because it may contain anything.
 */
export function harmlessObserver(
  { observer = logEvents() }: Pick<AuthorityOptions, 'observer'>,
  clock: Clock,
): AuthorityObserver {
  const logger = new Logger('CellsAuthority');
  let warnedAt = -Infinity;
  const warn = ({ type }: AuthorityEvent) => {
    const now = clock();
    if (now - warnedAt < WARNING_INTERVAL_MS) return;
    warnedAt = now;
    try {
      logger.warn(`The observer failed at an event of type "${type}"; the request went on without it`);
    } catch {
      // The host's logger may be what fails.
    }
  };
  // TypeScript also accepts an async function as an observer, so it may return a promise.
  const notify: (event: AuthorityEvent) => unknown = observer;
  return (event) => {
    try {
      const returned = notify(event);
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
