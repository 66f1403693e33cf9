import { type SharedStoreTrouble } from '../authority-observer.js';
import { type AuthorityOptions } from '../cells-authority.options.js';
import { type ClientCredentials } from '../client-credentials/client-credentials.js';
import { type Clock } from '../clock.js';
import { type RedisAccess } from './redis-access.js';
import { type TimedValue } from './redis-commands.js';
import { type GuessSubject } from '../token-cache/guess-limits.js';
import { type GuessCount, SharedGuesses } from './shared-guesses.js';
import { SharedForward } from './shared-forward.js';
import { forgetIssued } from './issued-tokens.js';
import { SharedKeys } from './shared-keys.js';
import { LONGEST_LOCK_LAPSE_MS } from './shared-lock.js';
import { SharedSessions } from './shared-sessions.js';
import { SharedTokens } from './shared-tokens.js';

export interface SharedRequest {
  readonly credentials: ClientCredentials;
  readonly scope: string | undefined;
}

/** What one flight shares with other instances. All its waits for Redis count against one limit. */
export interface SharedFlight {
  readonly tokens: Pick<SharedTokens, 'obtain' | 'find'>;
  readonly forward: SharedForward;
  /** How often each subject was refused on all instances together; `undefined` when Redis gives no answer. */
  readGuesses(subjects: readonly GuessSubject[]): Promise<readonly GuessCount[] | undefined>;
  countGuess(subjects: readonly GuessSubject[]): void;
}

/** What instances share: tokens, sessions, holds, failure counts. When it fails, requests go on without it. */
export interface SharedStore {
  /** Whether it is used at the moment. */
  readonly available: boolean;
  /** Whether it is used, or why not. */
  readonly state: 'connecting' | 'available' | SharedStoreTrouble;
  /** Begins a flight. Credentials are kept only as long as the flight. The deadline is on this process' clock. */
  open(request: SharedRequest, deadline: number): SharedFlight;
  readonly sessions: SharedSessions;
  /** Deletes a token that any instance has fetched, and no newer one, in the background. */
  forget(accessToken: string): void;
  /** Nest's hook: waits briefly for the last commands and ends the connection. */
  onApplicationShutdown(): Promise<void>;
}

const MARKERS = 'ca:secrets';
/** Long enough for an instance that is off over the weekend. */
const MARKERS_LIFE_MS = 7 * 86_400_000;
const NO_MARKERS: TimedValue = { value: Buffer.alloc(0), lifeMs: 0 };

/** The shared store on Redis. */
export class RedisSharedStore implements SharedStore {
  readonly #keys: readonly [SharedKeys, ...SharedKeys[]];
  readonly #guesses: SharedGuesses;
  readonly sessions: SharedSessions;

  constructor(
    private readonly access: RedisAccess,
    /** `new`, or `new,old` while rotating. */
    secrets: string,
    private readonly options: AuthorityOptions,
    private readonly clock: Clock,
    private readonly wallClock: Clock,
  ) {
    const [first = '', ...others] = secrets.split(',');
    this.#keys = [new SharedKeys(first), ...others.map((secret) => new SharedKeys(secret))];
    this.#guesses = new SharedGuesses(access, this.#keys);
    this.sessions = new SharedSessions(access, this.#keys);
  }

  get available(): boolean {
    return this.access.available;
  }

  get state(): 'connecting' | 'available' | SharedStoreTrouble {
    return this.access.state;
  }

  /** Leaves markers of this instance's secrets in Redis, and reports when the last ones there match none of them. */
  async compareSecrets(): Promise<void> {
    const { access } = this;
    const patience = access.newPatience();
    const markers = this.#keys.map(({ marker }) => marker);
    const before = await access.ask('read', patience, async (redis) => (await redis.get(MARKERS)) ?? NO_MARKERS);
    if (before === undefined) return;
    const text = before.value.toString();
    // Nothing is written without need, because Redis may be read-only.
    if (text !== markers.join(',') || before.lifeMs < MARKERS_LIFE_MS / 2) {
      access.send('connection', (redis) => redis.set(MARKERS, markers.join(','), MARKERS_LIFE_MS));
    }
    if (text === '' || text.split(',').some((marker) => markers.includes(marker))) return;
    access.report('connection', 'other_secret');
  }

  open({ credentials, scope }: SharedRequest, deadline: number): SharedFlight {
    const { access, clock, wallClock } = this;
    const { upstreamTokenUrl: tokenUrl, upstreamTimeoutMs: timeoutMs } = this.options;
    const { clientId, clientSecret } = credentials;
    const patience = access.newPatience();
    const keys = this.#keys;
    const guesses = this.#guesses;
    const pairFields = ['pair', tokenUrl, clientId, clientSecret];
    const requestFields = ['token', tokenUrl, clientId, clientSecret, ...(scope === undefined ? [] : [scope])];
    const fieldsOf = ({ network, ofClient }: GuessSubject) => ['address', network, ...(ofClient ? [clientId] : [])];
    const lockLapseMs = Math.min(LONGEST_LOCK_LAPSE_MS, timeoutMs / 4);
    return {
      tokens: new SharedTokens({ access, patience, keys, clock, wallClock, lockLapseMs }, credentials, requestFields),
      forward: new SharedForward(access, patience, keys, { credentials, pairFields, requestFields }, clock, deadline),
      readGuesses: (subjects) => guesses.read(subjects.map(fieldsOf), patience),
      countGuess: (subjects) => {
        guesses.count(subjects.map(fieldsOf));
      },
    };
  }

  forget(accessToken: string): void {
    const { access } = this;
    void forgetIssued(access, access.newPatience(), this.#keys, accessToken);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.access.close();
  }
}
