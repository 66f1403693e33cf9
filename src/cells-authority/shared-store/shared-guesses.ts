import { type Patience, type RedisAccess } from './redis-access.js';
import { type SharedKeys } from './shared-keys.js';

/** A counter of refused credentials with the milliseconds until it starts over. */
export interface GuessCount {
  readonly failures: number;
  readonly lifeMs: number;
}

/** Whom refusals are counted for: a client address, and that address with a client id. */
export type GuessSubjects = readonly [address: readonly string[], addressAndClient: readonly string[]];

const WINDOW_MS = 600_000;

const INCREASE = `
if redis.call('PTTL', KEYS[1]) > 0 and type(redis.pcall('INCR', KEYS[1])) == 'number' then return 1 end
-- There is none, or what is there is not ours.
redis.call('SET', KEYS[1], 1, 'PX', ${WINDOW_MS})
return 1`;

/** Counters of refused credentials, for all instances, under each secret while secrets rotate. */
export class SharedGuesses {
  constructor(
    private readonly access: RedisAccess,
    private readonly keys: readonly SharedKeys[],
  ) {}

  /** The counts of both subjects; `undefined` when Redis has nothing to say. */
  async read(subjects: GuessSubjects, patience: Patience): Promise<readonly [GuessCount, GuessCount] | undefined> {
    return this.access.ask('count', patience, (redis) => {
      const highest = async (subject: readonly string[]): Promise<GuessCount> => {
        const values = await Promise.all(this.keys.map((keys) => redis.get(keys.key('guesses', subject))));
        return values
          .map((value) => ({ failures: Number(value?.value ?? 0) || 0, lifeMs: value?.lifeMs ?? 0 }))
          .reduce((one, other) => (one.failures >= other.failures ? one : other));
      };
      return Promise.all([highest(subjects[0]), highest(subjects[1])]);
    });
  }

  /** Counts a refusal for both subjects. */
  count(subjects: GuessSubjects): void {
    for (const subject of subjects) {
      for (const keys of this.keys) {
        this.access.send('count', (redis) => redis.run(INCREASE, [keys.key('guesses', subject)], []));
      }
    }
  }
}
