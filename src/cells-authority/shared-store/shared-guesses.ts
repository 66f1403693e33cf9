import { type Patience, type RedisAccess } from './redis-access.js';
import { type RedisCommands } from './redis-commands.js';
import { type SharedKeys } from './shared-keys.js';
import { REFUSAL_COUNTS_MS } from '../token-cache/refusal-limit.js';

/** A counter of refused credentials, with the milliseconds until it is reset. */
export interface GuessCount {
  readonly failures: number;
  readonly lifeMs: number;
}

const INCREASE = `
if redis.call('PTTL', KEYS[1]) > 0 and type(redis.pcall('INCR', KEYS[1])) == 'number' then return 1 end
-- There is no counter, or the value is not ours.
redis.call('SET', KEYS[1], 1, 'PX', ${REFUSAL_COUNTS_MS})
return 1`;

/** Identifies an address, or a client at an address. */
type GuessFields = readonly string[];

/** Counters of refused credentials shared by all instances, under each secret while secrets rotate. */
export class SharedGuesses {
  constructor(
    private readonly access: RedisAccess,
    private readonly keys: readonly SharedKeys[],
  ) {}

  /** How often each subject was refused; `undefined` when Redis gives no answer. */
  async read(subjects: readonly GuessFields[], patience: Patience): Promise<readonly GuessCount[] | undefined> {
    return this.access.ask('count', patience, (redis) =>
      Promise.all(subjects.map((subject) => this.#highest(subject, redis))),
    );
  }

  /** Counts a refusal for every subject. */
  count(subjects: readonly GuessFields[]): void {
    for (const subject of subjects) {
      for (const keys of this.keys) {
        this.access.send('count', (redis) => redis.run(INCREASE, [keys.key('guesses', subject)], []));
      }
    }
  }

  async #highest(subject: GuessFields, redis: RedisCommands): Promise<GuessCount> {
    const values = await Promise.all(this.keys.map((keys) => redis.get(keys.key('guesses', subject))));
    return values
      .map((value) => ({ failures: Number(value?.value ?? 0) || 0, lifeMs: value?.lifeMs ?? 0 }))
      .reduce((one, other) => (one.failures >= other.failures ? one : other));
  }
}
