import { type LookupAddress, type LookupOptions } from 'node:dns';
import { type LookupFunction } from 'node:net';

type Answer = [error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number];
type Done = (...answer: Answer) => void;

/** `dns.lookup`, as far as it matters here. */
export type Lookup = (hostname: string, options: LookupOptions, done: Done) => void;

/**
 * Lets concurrent look-ups of one name share one. Each takes one of the process' few worker threads, and a resolver that
 * is slow or down would otherwise have all of them waiting in turn.
 */
export function sharedLookup(lookup: Lookup): LookupFunction {
  const underWay = new Map<string, Done[]>();
  return (hostname, options, done) => {
    const key = JSON.stringify([hostname, options]);
    const waiting = underWay.get(key);
    if (waiting !== undefined) {
      waiting.push(done);
      return;
    }
    const all: Done[] = [done];
    underWay.set(key, all);
    lookup(hostname, options, (...answer) => {
      underWay.delete(key);
      for (const tell of all) tell(...answer);
    });
  };
}
