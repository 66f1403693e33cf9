import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import { type AuthorityObserver } from '../authority-observer.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { type GuessCount } from '../shared-store/shared-guesses.js';

const WINDOW_MS = 600_000;
/** Refused pairs from one address, for all client ids together. */
const PER_ADDRESS = 100;
/** Refused pairs from one address for one client id. */
const PER_ADDRESS_AND_CLIENT = 10;
const MAX_COUNTERS = 50_000;

interface Counter {
  readonly failures: number;
  readonly resetAt: number;
}

/** The 429 of a client that is past a limit; it says nothing about another client that asked for the same. */
export class GuessingSlowed extends OAuthError {
  constructor(retryAfter: number) {
    const description = 'Too many refused credentials from this address';
    super({ error: 'temporarily_unavailable', status: 429, description, retryAfter });
  }
}

/**
 * Slows whoever guesses: counts refusals that the authorization server really gave, per client address and per address
 * and client id. Somebody at another address with the right secret never notices, and neither does a client that
 * repeats one wrong pair: holds answer that, and no repetition is counted.
 */
export class GuessLimits {
  readonly #counters = new LRUCache<string, Counter>({ max: MAX_COUNTERS });

  constructor(
    private readonly clock: Clock,
    private readonly observe: AuthorityObserver,
  ) {}

  /** @throws GuessingSlowed 429 with `Retry-After` while this client is past a limit. */
  check(address: string, client: string): void {
    const from = network(address);
    this.#checkCounter('address', from, PER_ADDRESS, client);
    this.#checkCounter('address_and_client', `${from} ${client}`, PER_ADDRESS_AND_CLIENT, client);
  }

  /** Counts a refusal. */
  count(address: string, client: string): void {
    this.#increase(network(address));
    this.#increase(`${network(address)} ${client}`);
  }

  /** Takes over what all instances counted, where that is more than is known here. */
  adopt(address: string, client: string, [byAddress, byAddressAndClient]: readonly [GuessCount, GuessCount]): void {
    this.#raise(network(address), byAddress);
    this.#raise(`${network(address)} ${client}`, byAddressAndClient);
  }

  #raise(key: string, { failures, lifeMs }: GuessCount): void {
    const now = this.clock();
    const counter = this.#counters.get(key);
    const known = counter !== undefined && counter.resetAt > now ? counter.failures : 0;
    if (failures > known && lifeMs > 0) this.#counters.set(key, { failures, resetAt: now + lifeMs });
  }

  #checkCounter(scope: 'address' | 'address_and_client', key: string, limit: number, client: string): void {
    const counter = this.#counters.get(key);
    if (counter === undefined || counter.failures < limit) return;
    const remaining = counter.resetAt - this.clock();
    if (remaining <= 0) return;
    const seconds = Math.ceil(remaining / 1000);
    this.observe({ type: 'guessing_slowed', scope, seconds, client });
    throw new GuessingSlowed(seconds);
  }

  #increase(key: string): void {
    const now = this.clock();
    const counter = this.#counters.get(key);
    const current =
      counter !== undefined && counter.resetAt > now ? counter : { failures: 0, resetAt: now + WINDOW_MS };
    this.#counters.set(key, { ...current, failures: current.failures + 1 });
  }
}

/** Whoever has one IPv6 address has 2^64 of them: a /64 counts as one client. */
export function network(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  return [...groups, ...Array<string>(missing).fill('0'), ...(tail ?? '').split(':')]
    .slice(0, 4)
    .map((group) => Number.parseInt(group || '0', 16).toString(16))
    .join(':');
}
