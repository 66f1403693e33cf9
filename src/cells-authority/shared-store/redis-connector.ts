import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions, type StandaloneConnectionOptions } from 'ioredis';
import { type RedisTls } from './redis-tls.js';
import { type Handshakes } from './redis-trouble.js';

const REDIS_PORT = 6379;

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
      const known: StandaloneConnectionOptions = typeof options === 'object' && options !== null ? options : {};
      super(known.disconnectTimeout ?? 0);
      this.#options = known;
    }

    override connect(): Promise<Socket> {
      this.connecting = true;
      // Inside the promise, so that an error of `open` rejects it.
      return new Promise((resolve) => {
        // Not the TLS options from the start: the files may have been renewed since.
        const socket = open({ ...this.#options, tls: security?.options });
        handshakes.watch(socket);
        socket.on('error', (error) => {
          this.firstError = error;
        });
        this.stream = socket;
        resolve(socket);
      });
    }
  };
}

function open({ host = 'localhost', port = REDIS_PORT, family, tls }: StandaloneConnectionOptions): Socket {
  const place = { host, port, ...(family === undefined ? {} : { family }) };
  return tls === undefined ? connect(place) : connectTls({ ...place, ...tls });
}
