import { type LookupAddress, type LookupOptions } from 'node:dns';
import { type LookupFunction } from 'node:net';

type Answer = [error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number];
type Done = (...answer: Answer) => void;

/** The part of `dns.lookup` that is used here. */
export type Lookup = (hostname: string, options: LookupOptions, done: Done) => void;

/**
 * Lets concurrent lookups of the same name share one. Each lookup takes one of the process' few worker threads, so a
 * resolver that is slow or down could otherwise block all of them.
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
      for (const callback of all) callback(...answer);
    });
  };
}
