import { Logger } from '@nestjs/common';
import { type AuthorityEvent } from './authority-observer.js';
import { logEvents } from './log-events.js';

describe('logEvents', () => {
  const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
  const debug = jest.spyOn(Logger.prototype, 'debug').mockImplementation();
  const failed: AuthorityEvent = {
    type: 'upstream_request',
    outcome: 'timeout',
    durationMs: 8000.123456,
    status: undefined,
    retried: false,
    client: 'a1b2',
  };

  beforeEach(() => {
    jest.clearAllMocks();
  });
  afterAll(() => {
    jest.restoreAllMocks();
  });

  it('hands objects to the logger, with durations that can be read', () => {
    const observe = logEvents();
    observe(failed);
    observe({ ...failed, outcome: 'token', durationMs: 0.04 });

    expect(warn.mock.calls).toEqual([[{ ...failed, durationMs: 8000.1 }]]);
    expect(debug.mock.calls).toEqual([[{ ...failed, outcome: 'token', durationMs: 0 }]]);
  });

  it('says nothing of each token that is served', () => {
    logEvents()({ type: 'token_served', source: 'kept' });

    expect([...warn.mock.calls, ...debug.mock.calls]).toEqual([]);
  });

  it('can be one of several observers', () => {
    const seen: string[] = [];
    const log = logEvents();
    const both = (event: AuthorityEvent) => {
      log(event);
      seen.push(event.type);
    };
    both(failed);

    expect(warn).toHaveBeenCalledTimes(1);
    expect(seen).toEqual(['upstream_request']);
  });
});
