import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions, type StandaloneConnectionOptions } from 'ioredis';
import { type RedisTls } from './redis-tls.js';
import { type Handshakes } from './redis-trouble.js';

const REDIS_PORT = 6379;

/**
 * Makes ioredis' connections to one Redis, and to the nodes of a Cluster.
 *
 * ioredis' own connector listens for the first error of a socket alone. TLS may tell of a second one, such as an alert
 * right behind a certificate that is not trusted, and an error that nobody listens for ends the process.
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
      // What `open` throws is the promise's, too.
      return new Promise((resolve) => {
        // The options are those of the start, and files may have been renewed since.
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
