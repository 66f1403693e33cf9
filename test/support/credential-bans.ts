/** Past this many failures a credential pair is banned. */
const FAILURES_ALLOWED = 5;
export const BAN_S = 600;

export interface PairCount {
  requests: number;
  failures: number;
  throttled: number;
}

interface Pair extends PairCount {
  /** When each failure was, in ms. */
  readonly failedAt: number[];
  /** When each failure of the last 600 s was, in ms. */
  recentFailures: number[];
  bannedUntil: number;
}

/** Aspose's published limit, on the given clock: after 5 failed requests a pair is banned for 10 minutes. */
export class CredentialBans {
  readonly #pairs = new Map<string, Pair>();

  constructor(private readonly now: () => number) {}

  /** Counts a request and returns whether it is refused. */
  turnsAway(clientId: string, clientSecret: string): boolean {
    const pair = this.#pair(clientId, clientSecret);
    const now = this.now();
    pair.requests += 1;
    if (now >= pair.bannedUntil) {
      pair.recentFailures = pair.recentFailures.filter((at) => at > now - BAN_S * 1_000);
      if (pair.recentFailures.length < FAILURES_ALLOWED) return false;
      pair.bannedUntil = now + BAN_S * 1_000;
      pair.recentFailures = [];
    }
    pair.throttled += 1;
    return true;
  }

  failed(clientId: string, clientSecret: string): void {
    const pair = this.#pair(clientId, clientSecret);
    pair.failures += 1;
    pair.recentFailures.push(this.now());
    pair.failedAt.push(this.now());
  }

  /** The most failures of a pair that any 600 seconds saw. */
  mostFailures(clientId: string, clientSecret: string): number {
    const { failedAt } = this.#pair(clientId, clientSecret);
    const following = (first: number) => failedAt.filter((at) => at >= first && at < first + BAN_S * 1_000).length;
    return Math.max(0, ...failedAt.map(following));
  }

  count(clientId: string, clientSecret: string): Readonly<PairCount> {
    const { requests, failures, throttled } = this.#pair(clientId, clientSecret);
    return { requests, failures, throttled };
  }

  #pair(clientId: string, clientSecret: string): Pair {
    const key = JSON.stringify([clientId, clientSecret]);
    const known = this.#pairs.get(key);
    if (known) return known;
    const pair: Pair = { requests: 0, failures: 0, throttled: 0, failedAt: [], recentFailures: [], bannedUntil: 0 };
    this.#pairs.set(key, pair);
    return pair;
  }
}
