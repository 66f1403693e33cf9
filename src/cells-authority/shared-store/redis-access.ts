import {
  type AuthorityObserver,
  type SharedStoreOperation,
  type SharedStoreOutcome,
  type SharedStoreTrouble,
} from '../authority-observer.js';
import { type Clock } from '../clock.js';
import { ForeignType, type RedisCommands, RedisRefusal, type RedisSignal } from './redis-commands.js';

/** Milliseconds that a request waits for Redis at most, for all its commands together. */
export const REDIS_PATIENCE_MS = 50;
const FIRST_BYPASS_MS = 500;
const LONGEST_BYPASS_MS = 10_000;
const WARNING_INTERVAL_MS = 60_000;
const FAREWELL_MS = 200;

/** The rest of the time that a request may spend waiting for Redis. */
export class Patience {
  #leftMs: number;

  constructor(ms: number) {
    this.#leftMs = ms;
  }

  get leftMs(): number {
    return this.#leftMs;
  }

  spend(ms: number): void {
    this.#leftMs = Math.max(0, this.#leftMs - ms);
  }
}

/**
 * Access to a Redis that may fail. Every command has a time limit, and a failed one yields `undefined`. When a command
 * gets no answer, Redis is bypassed until a background probe succeeds.
 */
export class RedisAccess {
  #commands: RedisCommands | undefined;
  #bypassed = false;
  #probes = 0;
  #probe: NodeJS.Timeout | undefined;
  #state: 'connecting' | 'available' | SharedStoreTrouble = 'connecting';
  #reported: 'available' | SharedStoreTrouble | undefined;
  readonly #warnedAt = new Map<SharedStoreTrouble, number>();
  #closed = false;
  readonly #background = new Set<Promise<unknown>>();

  constructor(
    private readonly clock: Clock,
    private readonly observe: AuthorityObserver,
    private readonly patienceMs = REDIS_PATIENCE_MS,
  ) {}

  newPatience(): Patience {
    return new Patience(this.patienceMs);
  }

  /** Starts to use a connection. The caller passes its signals to {@link signal}. */
  use(commands: RedisCommands): void {
    this.#commands = commands;
  }

  /** Whether Redis is used at the moment. */
  get available(): boolean {
    return this.#commands?.ready === true && !this.#bypassed && !this.#closed;
  }

  /** Whether Redis is used, or why not. */
  get state(): 'connecting' | 'available' | SharedStoreTrouble {
    return this.#state;
  }

  signal(signal: RedisSignal): void {
    if (this.#closed) return;
    if (signal === 'ready') this.#resume();
    else this.#reportConnection(signal);
  }

  /** Reports the outcome of an operation to the observer. */
  report(operation: SharedStoreOperation, outcome: SharedStoreOutcome): void {
    this.observe({ type: 'shared_store', operation, outcome });
  }

  /** A command's answer; `undefined` when it fails or there is no answer in time. */
  async ask<T>(
    operation: SharedStoreOperation,
    patience: Patience,
    command: (redis: RedisCommands) => Promise<T>,
  ): Promise<T | undefined> {
    const startedAt = this.clock();
    try {
      return await this.askFreely(operation, patience, command);
    } finally {
      patience.spend(this.clock() - startedAt);
    }
  }

  /** The same while waiting for another instance rather than for Redis: only a missing answer uses up patience. */
  async askFreely<T>(
    operation: SharedStoreOperation,
    patience: Patience,
    command: (redis: RedisCommands) => Promise<T>,
  ): Promise<T | undefined> {
    const commands = this.#commands;
    if (commands === undefined || !this.available || patience.leftMs <= 0) {
      this.report(operation, 'bypassed');
      return undefined;
    }
    const limit = patience.leftMs;
    const askedAt = this.clock();
    const answer = await inTime(command(commands), limit);
    this.observe({ type: 'shared_store_answer', durationMs: this.clock() - askedAt });
    if (answer instanceof Failed) {
      if (answer.how === 'no_answer') patience.spend(limit);
      this.#judge(operation, answer);
      return undefined;
    }
    return answer;
  }

  /** Sends a command in the background. */
  send(operation: SharedStoreOperation, command: (redis: RedisCommands) => Promise<unknown>): void {
    const commands = this.#commands;
    if (commands === undefined || !this.available) {
      this.report(operation, 'bypassed');
      return;
    }
    const sent = command(commands)
      .then(
        () => {
          this.report(operation, 'done');
        },
        (error: unknown) => {
          this.#judge(operation, new Failed(error));
        },
      )
      .finally(() => this.#background.delete(sent));
    this.#background.add(sent);
  }

  /** Waits briefly for commands that were sent, then ends the connection. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#probe);
    if (this.#background.size > 0) await inTime(Promise.allSettled(this.#background), FAREWELL_MS);
    this.#commands?.disconnect();
  }

  #judge(operation: SharedStoreOperation, { how, foreignKeys }: Failed): void {
    this.report(operation, how);
    if (foreignKeys.length > 0) this.send('delete', (redis) => redis.run(DELETE_FOREIGN, foreignKeys, []));
    if (how !== 'no_answer' || this.#bypassed || this.#closed) return;
    this.#bypassed = true;
    this.#probes = 0;
    this.#reportConnection('no_answer');
    this.#probeLater();
  }

  #probeLater(): void {
    const wait = Math.min(FIRST_BYPASS_MS * 2 ** this.#probes, LONGEST_BYPASS_MS);
    this.#probe = setTimeout(() => void this.#probeNow(), wait).unref();
  }

  async #probeNow(): Promise<void> {
    const commands = this.#commands;
    if (commands === undefined || this.#closed) return;
    this.#probes += 1;
    const answer = commands.ready ? await inTime(commands.ping(), this.patienceMs) : new Failed();
    if (!(answer instanceof Failed)) {
      this.#resume();
      return;
    }
    this.#probeLater();
  }

  #resume(): void {
    clearTimeout(this.#probe);
    this.#bypassed = false;
    this.#reportConnection('available');
  }

  /** Reports a change of state. Each reason is reported once a minute at most, in case Redis comes and goes. */
  #reportConnection(state: 'available' | SharedStoreTrouble): void {
    this.#state = state;
    if (state === this.#reported) return;
    if (state === 'available') {
      this.#reported = state;
      this.report('connection', state);
      return;
    }
    const now = this.clock();
    if (now - (this.#warnedAt.get(state) ?? -Infinity) < WARNING_INTERVAL_MS) return;
    this.#warnedAt.set(state, now);
    this.#reported = state;
    this.observe({ type: 'shared_store', operation: 'connection', outcome: 'unavailable', reason: state });
  }
}

/** Deletes a key whose type is not the one we use under that name. */
const DELETE_FOREIGN = `
for _, key in ipairs(KEYS) do
  local counted = string.find(key, 'ca:refusals:') or string.find(key, 'ca:forwards:')
  local type = redis.call('TYPE', key)['ok']
  if type ~= 'none' and type ~= (counted and 'zset' or 'string') then redis.call('DEL', key) end
end
return 1`;

/** A command that got no answer in time, or an error. */
class Failed {
  readonly how: 'no_answer' | 'refused' | 'tampered';
  readonly foreignKeys: readonly string[];

  constructor(error?: unknown) {
    this.foreignKeys = error instanceof ForeignType ? error.keys : [];
    if (error instanceof ForeignType) this.how = 'tampered';
    else this.how = error instanceof RedisRefusal ? 'refused' : 'no_answer';
  }
}

async function inTime<T>(answer: Promise<T>, limitMs: number): Promise<T | Failed> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      // An answer that arrived while this process was busy counts as in time: give it a chance to be read first.
      setImmediate(() => {
        resolve(new Failed());
      });
    }, limitMs);
    answer.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        resolve(new Failed(error));
      },
    );
  });
}
