import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions, type StandaloneConnectionOptions } from 'ioredis';
import { type RedisTls } from './redis-tls.js';
import { type Handshakes } from './redis-trouble.js';

const REDIS_PORT = 6379;
/** How long Redis may take to close a connection that was ended here. */
export const FAREWELL_MS = 100;

/**
 * Makes ioredis' connections to one Redis, and to the nodes of a Cluster.
 *
 * ioredis' own connector listens only for the first error of a socket. TLS may emit a second one, such as an alert
 * right after an untrusted certificate, and an error without a listener would end the process.
 */
export function redisConnector(
  handshakes: Handshakes,
  security: RedisTls | undefined,
): NonNullable<RedisOptions['Connector']> {
  return class extends AbstractConnector {
    readonly #options: StandaloneConnectionOptions;

    constructor(options: unknown) {
      super(FAREWELL_MS);
      this.#options = Object.assign({}, options);
    }

    override connect(): Promise<Socket> {
      // Inside the promise, so that an error of `open` rejects it.
      return new Promise((resolve) => {
        // Not the TLS options from the start: the files may have been renewed since.
        const socket = open({ ...this.#options, tls: security?.options });
        handshakes.watch(socket);
        socket.on('error', () => undefined);
        this.stream = socket;
        resolve(socket);
      });
    }
  };
}

function open({ host, port = REDIS_PORT, family, tls }: StandaloneConnectionOptions): Socket {
  const place = { host, port, family };
  return tls === undefined ? connect(place) : connectTls({ ...place, ...tls });
}
