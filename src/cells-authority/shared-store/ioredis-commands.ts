import { type Socket } from 'node:net';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { type SharedStoreTrouble } from '../authority-observer.js';
import { type RedisAddress } from './redis-address.js';
import {
  ForeignType,
  type RedisClient,
  type RedisClientEvent,
  type RedisCommands,
  RedisRefusal,
  type RedisSignal,
  type TimedValue,
} from './redis-commands.js';
import { FAREWELL_MS, redisConnector } from './redis-connector.js';
import { RedisTls } from './redis-tls.js';
import { Handshakes, redisTroubleOf } from './redis-trouble.js';

const CONNECT_TIMEOUT_MS = 2000;
/** A silent connection is given up after this long; the kernel would take a quarter of an hour. */
const SILENCE_MS = 3000;
const LONGEST_RECONNECT_DELAY_MS = 2000;
/** An old master is read-only after a failover: reconnect, but not for every write, in case Redis stays read-only. */
const READ_ONLY_RECONNECT_MS = 60_000;

/**
 * Connects to Redis without waiting for the connection, and reconnects until disconnected.
 *
 * @throws Error when a TLS file cannot be used.
 */
export function connectToRedis(address: RedisAddress, onSignal: (signal: RedisSignal) => void): RedisCommands {
  const tls = address.tls ? new RedisTls(address) : undefined;
  const options = redisOptions(address, tls);
  const handshakes = new Handshakes();
  const Connector = redisConnector(handshakes, tls);
  const { hosts, cluster, sentinel } = address;
  const [first] = hosts;
  if (cluster) {
    return new IoredisCommands(
      new Cluster([...hosts], {
        redisOptions: { ...options, Connector },
        enableOfflineQueue: false,
        slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
        retryDelayOnFailover: 20,
        maxRedirections: 2,
        clusterRetryStrategy: reconnectDelay,
        // Names are not resolved to addresses first: certificates are issued for names, and Node tries all addresses.
        dnsLookup: (host, found) => {
          found(null, host);
        },
      }),
      { handshakes, tls },
      onSignal,
    );
  }
  if (sentinel !== undefined) {
    const master = new Redis({
      ...options,
      sentinels: [...hosts],
      name: sentinel.master,
      sentinelUsername: sentinel.username,
      sentinelPassword: sentinel.password,
      sentinelRetryStrategy: reconnectDelay,
      enableTLSForSentinelMode: address.tls,
      sentinelTLS: options.tls,
    });
    master.on('error', () => {
      const socket = socketOf(master);
      // No Sentinel has named the master. Without a socket there is no 'close' that says so.
      if (socket === undefined) onSignal('unreachable');
      // With Sentinels ioredis connects to the master itself, and handles only the first error of a socket.
      else socket.off('error', ignore).on('error', ignore);
    });
    return new IoredisCommands(master, { handshakes, tls }, onSignal);
  }
  return new IoredisCommands(new Redis({ ...options, ...first, Connector }), { handshakes, tls }, onSignal);
}

/** Uses a client of the host, which has the host's settings and is closed by the host. */
export function borrowRedis(client: RedisClient, onSignal: (signal: RedisSignal) => void): RedisCommands {
  return new IoredisCommands(client, { handshakes: new Handshakes(), tls: undefined }, onSignal, true);
}

/** Sends the commands. The errors of ioredis stop here: they contain the command, which may contain the password. */
class IoredisCommands implements RedisCommands {
  #trouble: SharedStoreTrouble | undefined;
  /** Whether Redis has answered on this connection; `true` while there is none. */
  #answered = true;
  readonly #listening: (() => unknown)[] = [];

  constructor(
    private readonly redis: RedisClient,
    private readonly security: { readonly handshakes: Handshakes; readonly tls: RedisTls | undefined },
    onSignal: (signal: RedisSignal) => void,
    private readonly borrowed = false,
  ) {
    this.#listen('ready', () => {
      this.#answered = true;
      onSignal(this.#trouble ?? 'ready');
    });
    this.#listen('close', () => {
      const otherwise = security.handshakes.stuck ? 'tls_failed' : this.#answered ? 'unreachable' : 'hung_up';
      onSignal(this.#trouble ?? otherwise);
      this.#trouble = undefined;
      this.#answered = true;
    });
    this.#listen('connect', () => {
      this.#trouble = undefined;
      this.#answered = false;
    });
    // Without a listener ioredis prints the error.
    this.#listen('error', (error) => {
      this.#trouble = redisTroubleOf(error) ?? this.#trouble;
    });
  }

  get ready(): boolean {
    // When the requested database is not available, ioredis reports it and silently uses database 0.
    return this.redis.status === 'ready' && this.#trouble === undefined;
  }

  async get(key: string): Promise<TimedValue | undefined> {
    // Both in one round trip; Redis answers them in this order.
    const [value, life] = await answered(Promise.all([this.redis.getBuffer(key), this.redis.pttl(key)]), [key]);
    const lifeMs = Number(life);
    if (value === null || lifeMs === -2) return undefined;
    if (!Buffer.isBuffer(value) || !Number.isFinite(lifeMs)) throw new ForeignType([key]);
    return { value, lifeMs: Math.max(0, lifeMs) };
  }

  async set(key: string, value: Buffer | string, lifeMs: number): Promise<void> {
    await answered(this.redis.set(key, value, 'PX', Math.max(1, Math.floor(lifeMs))));
  }

  async run(script: string, keys: readonly string[], values: readonly (string | number | Buffer)[]): Promise<unknown> {
    return answered(this.redis.eval(script, keys.length, ...keys, ...values), keys);
  }

  async ping(): Promise<void> {
    await answered(this.redis.ping());
  }

  disconnect(): void {
    this.security.tls?.close();
    if (this.borrowed) for (const stop of this.#listening) stop();
    else this.redis.disconnect();
  }

  #listen(event: RedisClientEvent, listener: (error?: unknown) => void): void {
    this.redis.on(event, listener);
    this.#listening.push(() => this.redis.off(event, listener));
  }
}

/** Whatever its type says, there is none until a Sentinel has named the master. */
function socketOf(master: Redis): Socket | undefined {
  return master.stream;
}

const ignore = () => undefined;

async function answered<T>(command: Promise<T>, keys: readonly string[] = []): Promise<T> {
  try {
    return await command;
  } catch (error) {
    // Not as a cause: it contains the command, and the command may contain the password.
    // eslint-disable-next-line preserve-caught-error
    if (!(error instanceof Error && error.name === 'ReplyError')) throw new Error('Redis did not answer');
    throw error.message.includes('WRONGTYPE') ? new ForeignType(keys) : new RedisRefusal();
  }
}

function redisOptions({ username, password, database }: RedisAddress, tls: RedisTls | undefined): RedisOptions {
  let readOnlyReconnectAt = -Infinity;
  return {
    username,
    password,
    db: database,
    tls: tls?.options,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    disconnectTimeout: FAREWELL_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: reconnectDelay,
    reconnectOnError: (error) => {
      const now = performance.now();
      if (!error.message.startsWith('READONLY') || now - readOnlyReconnectAt < READ_ONLY_RECONNECT_MS) return false;
      readOnlyReconnectAt = now;
      return true;
    },
  };
}

function reconnectDelay(times: number): number {
  return Math.min(50 * 2 ** times, LONGEST_RECONNECT_DELAY_MS);
}
