import { type SharedStoreTrouble } from '../authority-observer.js';

/** A value with its remaining milliseconds by Redis' own clock. */
export interface TimedValue {
  readonly value: Buffer;
  readonly lifeMs: number;
}

/** What the connection to Redis reports: that it is ready, or why it is not. */
export type RedisSignal = 'ready' | SharedStoreTrouble;

/**
 * The part of an ioredis client or Cluster (version 5 or 6) that is used here. ioredis passes on whatever type Redis
 * answers with, so the answers are `unknown`.
 */
export interface RedisClient {
  readonly status: string;
  getBuffer(key: string): Promise<unknown>;
  pttl(key: string): Promise<unknown>;
  set(key: string, value: Buffer | string, unit: 'PX', lifeMs: number): Promise<unknown>;
  eval(script: string, keys: number, ...keysAndValues: (string | number | Buffer)[]): Promise<unknown>;
  ping(): Promise<unknown>;
  disconnect(): void;
  on(event: RedisClientEvent, listener: (error?: unknown) => void): unknown;
  off(event: RedisClientEvent, listener: (error?: unknown) => void): unknown;
}

export type RedisClientEvent = 'ready' | 'connect' | 'close' | 'error';

/** The Redis commands in use. Each method is one round trip and touches one hash slot of a Cluster. */
export interface RedisCommands {
  /** Whether commands can be sent at the moment. */
  readonly ready: boolean;
  /** A value and its remaining life, which is 0 for a value that never expires: that is not one of ours. */
  get(key: string): Promise<TimedValue | undefined>;
  set(key: string, value: Buffer | string, lifeMs: number): Promise<void>;
  /** Runs a Lua script, atomically. */
  run(script: string, keys: readonly string[], values: readonly (string | number | Buffer)[]): Promise<unknown>;
  ping(): Promise<void>;
  /** Ends the connection for good, at once. */
  disconnect(): void;
}

/** Redis answered with an error: full, read-only, not permitted. Contains nothing of the command. */
export class RedisRefusal extends Error {
  constructor() {
    super('Redis refused a command');
    this.name = 'RedisRefusal';
  }
}

/** One of these keys has a type that we do not use for it. */
export class ForeignType extends RedisRefusal {
  constructor(readonly keys: readonly string[]) {
    super();
  }
}
