import { type Socket } from 'node:net';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { type SharedStoreTrouble } from '../authority-observer.js';
import { type RedisAddress } from './redis-address.js';
import { ForeignType, type RedisCommands, RedisRefusal, type RedisSignal, type TimedValue } from './redis-commands.js';
import { redisConnector } from './redis-connector.js';
import { RedisTls } from './redis-tls.js';
import { Handshakes, redisTroubleOf } from './redis-trouble.js';

const CONNECT_TIMEOUT_MS = 2000;
/** A connection on which nothing comes back is given up then; the kernel would take a quarter of an hour. */
const SILENCE_MS = 3000;
const LONGEST_RECONNECT_DELAY_MS = 2000;
/** What the other end has for closing, when the connection is ended here. */
const FAREWELL_MS = 100;
/** After a failover the old master refuses writes; a Redis that is read-only for good must not cost a reconnect a write. */
const READ_ONLY_RECONNECT_MS = 60_000;

/**
 * Connects to Redis, and reconnects for as long as it lives; does not wait for the connection.
 *
 * @throws Error when a file for TLS cannot be used.
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
        // Certificates name hosts: their addresses are not looked up ahead.
        ...(address.tls
          ? {
              dnsLookup: (host, found: (error: null, address: string) => void) => {
                found(null, host);
              },
            }
          : {}),
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
      ...(address.tls ? { enableTLSForSentinelMode: true, sentinelTLS: options.tls } : {}),
    });
    // A Sentinel's way to the master is ioredis' own, and it listens for a socket's first error alone.
    master.on('error', () => {
      ignoreErrors(master.stream);
    });
    return new IoredisCommands(master, { handshakes, tls }, onSignal);
  }
  return new IoredisCommands(new Redis({ ...options, ...first, Connector }), { handshakes, tls }, onSignal);
}

/** The one class that knows ioredis. Its errors stop here: they hold the commands, and the password among them. */
class IoredisCommands implements RedisCommands {
  #trouble: SharedStoreTrouble | undefined;
  /** Whether it was ready since it was connected, if it is. */
  #answered = true;

  constructor(
    private readonly redis: Redis | Cluster,
    private readonly security: { readonly handshakes: Handshakes; readonly tls: RedisTls | undefined },
    onSignal: (signal: RedisSignal) => void,
  ) {
    redis.on('ready', () => {
      this.#answered = true;
      onSignal(this.#unusable ?? 'ready');
    });
    redis.on('close', () => {
      const otherwise = security.handshakes.stuck ? 'tls_failed' : this.#answered ? 'unreachable' : 'hung_up';
      onSignal(this.#trouble ?? otherwise);
      this.#trouble = undefined;
      this.#answered = true;
    });
    redis.on('connect', () => {
      this.#trouble = undefined;
      this.#answered = false;
    });
    // Without a listener ioredis prints the error.
    redis.on('error', (error: unknown) => {
      this.#trouble = redisTroubleOf(error) ?? this.#trouble;
    });
  }

  get ready(): boolean {
    return this.redis.status === 'ready' && this.#unusable === undefined;
  }

  /** ioredis goes on with database 0 when it cannot have the one that was asked for. */
  get #unusable(): SharedStoreTrouble | undefined {
    return this.#trouble === 'database' || this.#trouble === 'permission' ? this.#trouble : undefined;
  }

  async get(key: string): Promise<TimedValue | undefined> {
    // Both at once: neither waits for the other, and Redis answers them in this order.
    const [value, lifeMs] = await answered(Promise.all([this.redis.getBuffer(key), this.redis.pttl(key)]), [key]);
    return value === null || lifeMs === -2 ? undefined : { value, lifeMs: Math.max(0, lifeMs) };
  }

  async set(key: string, value: Buffer | string, lifeMs: number): Promise<void> {
    await answered(this.redis.set(key, value, 'PX', Math.max(1, Math.floor(lifeMs))), [key]);
  }

  async run(script: string, keys: readonly string[], values: readonly (string | number | Buffer)[]): Promise<unknown> {
    return answered(this.redis.eval(script, keys.length, ...keys, ...values), keys);
  }

  async ping(): Promise<void> {
    await answered(this.redis.ping(), []);
  }

  disconnect(): void {
    this.security.tls?.close();
    this.redis.disconnect();
  }
}

/** There is no socket before the first Sentinel has answered, whatever the type says. */
function ignoreErrors(socket: Socket | undefined): void {
  if (socket?.listeners('error').includes(ignore) === false) socket.on('error', ignore);
}

const ignore = () => undefined;

async function answered<T>(command: Promise<T>, keys: readonly string[]): Promise<T> {
  try {
    return await command;
  } catch (error) {
    // Not as a cause: it holds the command, and a command may hold the password.
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
    ...(tls === undefined ? {} : { tls: tls.options }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    disconnectTimeout: FAREWELL_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
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
  return Math.min(50 * 2 ** Math.min(times, 10), LONGEST_RECONNECT_DELAY_MS);
}
