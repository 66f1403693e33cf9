import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { type AuthorityObserver } from '../authority-observer.js';
import { type Clock } from '../clock.js';
import { OAuthError } from '../errors/oauth-error.js';
import { gatewayTimeout, temporarilyUnavailable } from '../errors/oauth-errors.js';
import { AUTHORITY_CLOCK, AUTHORITY_OBSERVER } from '../injection-tokens.js';
import { type GuessCount } from '../shared-store/shared-guesses.js';
import { clientNetworks } from './client-networks.js';
import { REFUSAL_COUNTS_MS } from './refusal-limit.js';

/** Refusals allowed to one address, for all client ids together. */
const PER_ADDRESS = 100;
/** Refusals allowed to one address for one client id. */
const PER_ADDRESS_AND_CLIENT = 10;
/** A /48 may be a whole company or a single person: its limits are an address's limits times this. */
const WIDER_NETWORK_FACTOR = 4;
const MAX_COUNTERS = 50_000;
/** Waiting guesses of one network, at most. */
const MAX_WAITING_OF_NETWORK = 1024;
/** Waiting guesses of all networks, at most. */
const MAX_WAITING = 10_000;

interface Counter {
  readonly failures: number;
  readonly resetAt: number;
}

/** What refusals are counted for: a network of the client, for all client ids or for one. */
export interface GuessSubject {
  readonly network: string;
  readonly ofClient: boolean;
  /** Refusals in 600 s after which the network is slowed. */
  readonly limit: number;
  readonly key: string;
}

/** Who may be guessing: a client id at an address. */
export interface Guesser {
  /** Fingerprint of the client id. */
  readonly client: string;
  /** The widest network of the address, whose clients count as one when there is not enough for all. */
  readonly network: string;
  /** The counters that a refusal goes into. */
  readonly subjects: readonly GuessSubject[];
}

interface Waiter {
  readonly subjects: readonly GuessSubject[];
  /** Ends the wait if a place is free by now, or if there will be none. */
  tryAgain(): void;
}

/** A guess that is under way. */
interface Guess {
  /** Gives the place back, and counts the refusal if there was one. */
  end(refused: boolean): void;
}

/** The 429 of a client that is past a limit. It concerns that client only, not others asking for the same token. */
export class GuessingSlowed extends OAuthError {
  constructor(retryAfter: number) {
    const description = 'Too many refused credentials from this address';
    super({ error: 'temporarily_unavailable', status: 429, description, retryAfter });
  }
}

export function guesserAt(address: string, client: string): Guesser {
  const networks = clientNetworks(address);
  const subjects: GuessSubject[] = [];
  for (const network of networks) {
    const factor = network === networks[0] ? 1 : WIDER_NETWORK_FACTOR;
    const ofOne = { network, ofClient: true, limit: PER_ADDRESS_AND_CLIENT * factor, key: `${network} ${client}` };
    subjects.push({ network, ofClient: false, limit: PER_ADDRESS * factor, key: network }, ofOne);
  }
  return { client, network: networks.at(-1) ?? networks[0], subjects };
}

/**
 * Slows down guessing: counts the refusals that the authorization server really gave, per client address and per
 * address and client id. No more requests run at once than may still be refused; the others wait. A client with the
 * right secret at another address never notices. Nor does one that repeats a wrong pair: holds answer it, uncounted.
 */
@Injectable()
export class GuessLimits {
  readonly #counters = new LRUCache<string, Counter>({ max: MAX_COUNTERS });
  readonly #underWay = new Map<string, number>();
  /** By the widest network, which those who wait for the same place have in common. */
  readonly #waiters = new Map<string, Set<Waiter>>();
  #waiting = 0;

  constructor(
    @Inject(AUTHORITY_CLOCK) private readonly clock: Clock,
    @Inject(AUTHORITY_OBSERVER) private readonly observe: AuthorityObserver,
  ) {}

  /** @throws GuessingSlowed 429 with `Retry-After` while this client is past a limit. */
  check({ subjects, client }: Guesser): void {
    for (const { key, network, ofClient, limit } of subjects) {
      if (this.#failures(key) < limit) continue;
      const seconds = Math.ceil(((this.#counters.get(key)?.resetAt ?? 0) - this.clock()) / 1000);
      const scope = ofClient ? 'address_and_client' : 'address';
      this.observe({ type: 'guessing_slowed', scope, seconds, client, network });
      throw new GuessingSlowed(seconds);
    }
  }

  /**
   * Takes a place for a guess of this client, waiting for one if need be. It must be given back.
   *
   * @throws GuessingSlowed 429 when too many guesses were refused.
   * @throws OAuthError 503 when too many are waiting already, 504 when no place is free before the deadline.
   */
  async reserve(guesser: Guesser, deadline: number): Promise<Guess> {
    return this.#take(guesser) ?? (await this.#wait(guesser, deadline));
  }

  #wait(guesser: Guesser, deadline: number): Promise<Guess> {
    const waiters = this.#waiters.get(guesser.network) ?? new Set();
    if (waiters.size >= MAX_WAITING_OF_NETWORK || this.#waiting >= MAX_WAITING) {
      this.observe({ type: 'not_forwarded', reason: 'too_many_waiting' });
      throw temporarilyUnavailable('Too many requests from this address are under way', 1);
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        waiters.delete(waiter);
        this.#waiting -= 1;
        if (waiters.size === 0) this.#waiters.delete(guesser.network);
      };
      const giveUp = () => {
        leave();
        this.observe({ type: 'not_forwarded', reason: 'waited_too_long' });
        reject(gatewayTimeout('Other requests from this address took too long'));
      };
      const timer = setTimeout(giveUp, Math.max(0, deadline - this.clock()));
      const waiter: Waiter = {
        subjects: guesser.subjects,
        tryAgain: () => {
          try {
            const guess = this.#take(guesser);
            if (guess === undefined) return;
            resolve(guess);
          } catch (error) {
            reject(error instanceof Error ? error : new Error('no place'));
          }
          leave();
        },
      };
      this.#waiters.set(guesser.network, waiters.add(waiter));
      this.#waiting += 1;
    });
  }

  /** Takes over the counts of all instances, one for each subject, where they are higher than the ones here. */
  adopt({ subjects }: Guesser, counts: readonly GuessCount[]): void {
    const now = this.clock();
    for (const [nth, { key }] of subjects.entries()) {
      const { failures, lifeMs } = counts[nth] ?? { failures: 0, lifeMs: 0 };
      if (!(lifeMs > 0 && failures > this.#failures(key))) continue;
      // Redis may say anything, and its clock may have been set back.
      this.#counters.set(key, { failures, resetAt: now + Math.min(lifeMs, REFUSAL_COUNTS_MS) });
    }
  }

  /** Refusals in the last 600 s. */
  #failures(key: string): number {
    const counter = this.#counters.get(key);
    return counter !== undefined && counter.resetAt > this.clock() ? counter.failures : 0;
  }

  /** @throws GuessingSlowed when the limit is reached. */
  #take(guesser: Guesser): Guess | undefined {
    this.check(guesser);
    const { subjects } = guesser;
    const isFull = subjects.some(({ key, limit }) => this.#failures(key) + (this.#underWay.get(key) ?? 0) >= limit);
    if (isFull) return undefined;
    for (const { key } of subjects) this.#underWay.set(key, (this.#underWay.get(key) ?? 0) + 1);
    return this.#guessOf(guesser);
  }

  #guessOf({ subjects, network }: Guesser): Guess {
    return {
      end: (refused) => {
        for (const { key } of subjects) {
          const others = (this.#underWay.get(key) ?? 0) - 1;
          if (others > 0) this.#underWay.set(key, others);
          else this.#underWay.delete(key);
          if (refused) this.#countFailure(key);
        }
        this.#callWaiters(network, subjects);
      },
    };
  }

  /** Those waiting for the freed places get them in order, or are told that they are slowed. */
  #callWaiters(network: string, freed: readonly GuessSubject[]): void {
    const waiters = this.#waiters.get(network);
    if (waiters === undefined) return;
    const keys = new Set(freed.map(({ key }) => key));
    for (const waiter of waiters) if (waiter.subjects.some(({ key }) => keys.has(key))) waiter.tryAgain();
  }

  #countFailure(key: string): void {
    const now = this.clock();
    const counter = this.#counters.get(key);
    const current =
      counter !== undefined && counter.resetAt > now ? counter : { failures: 0, resetAt: now + REFUSAL_COUNTS_MS };
    this.#counters.set(key, { ...current, failures: current.failures + 1 });
  }
}
