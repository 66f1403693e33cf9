import { type SharedStoreTrouble } from '../authority-observer.js';

/** A value with the milliseconds it has left, by Redis' own clock. */
export interface TimedValue {
  readonly value: Buffer;
  readonly lifeMs: number;
}

/** What the connection to Redis tells about itself: that it is ready, or why it is not. */
export type RedisSignal = 'ready' | SharedStoreTrouble;

/** What is asked of Redis: each method is one round trip and touches one hash slot of a Cluster. */
export interface RedisCommands {
  /** Whether commands can be sent at the moment. */
  readonly ready: boolean;
  /** A value and its life; values without an end are not ours and have a life of 0. */
  get(key: string): Promise<TimedValue | undefined>;
  set(key: string, value: Buffer | string, lifeMs: number): Promise<void>;
  /** Runs a Lua script, atomically. */
  run(script: string, keys: readonly string[], values: readonly (string | number | Buffer)[]): Promise<unknown>;
  ping(): Promise<void>;
  /** Ends it for good, at once. */
  disconnect(): void;
}

/** Redis answered, and the answer is an error: full, read-only, not permitted. Nothing of the command is in it. */
export class RedisRefusal extends Error {
  constructor() {
    super('Redis refused a command');
    this.name = 'RedisRefusal';
  }
}

/** One of these keys holds a type that is not ours. */
export class ForeignType extends RedisRefusal {
  constructor(readonly keys: readonly string[]) {
    super();
  }
}
