import { once } from 'node:events';
import { type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type FastifyInstance } from 'fastify';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Environment } from '../config/environment.js';
import { type UnreadRefusal } from './completed-requests.js';
import { guardedServer } from './guarded-server.js';
import { Refusals } from './refusals.js';

/** The paths that are served on the operations port. */
const OPERATIONS = /^\/(?:metrics|health\/(?:live|ready))$/;

/** Far more than scrapers and probes need; the open files of these come on top of those of the main port. */
const MAX_OPERATIONS_CONNECTIONS = 64;

const OWN_REQUESTS = new WeakSet<IncomingMessage>();

type Place = Pick<Environment, 'HOST' | 'PORT'>;

/** Listens. As in Node, `::` means all addresses, or all IPv4 addresses if the machine has no IPv6. */
export async function listen(app: NestFastifyApplication, { HOST: host, PORT: port }: Place): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    if (!isWithoutIpv6(error, host)) throw error;
    await app.listen({ host: '0.0.0.0', port });
  }
}

/**
 * Serves metrics and health on a port of their own until the process ends. `refused` is called for refusals that no
 * Fastify hook sees.
 */
export async function listenForOperations(
  app: NestFastifyApplication,
  { HOST: host, PORT: port }: Place,
  refused: (refusal: UnreadRefusal) => void,
): Promise<Server> {
  const fastify = app.getHttpAdapter().getInstance();
  const answer: RequestListener = (request, response) => {
    if (OPERATIONS.test(request.url ?? '')) {
      OWN_REQUESTS.add(request);
      fastify.routing(request, response);
    } else {
      response.writeHead(404, { 'Content-Length': 0 }).end();
    }
  };
  const refusals = new Refusals(false, refused);
  const server = guardedServer(answer, { refusals, maxConnections: MAX_OPERATIONS_CONNECTIONS });
  const listenAt = async (address: string) => {
    server.listen(port, address);
    await once(server, 'listening');
  };
  await listenAt(host)
    .catch((error: unknown) => {
      if (!isWithoutIpv6(error, host)) throw error;
      return listenAt('0.0.0.0');
    })
    .catch((error: unknown) => {
      throw Object.assign(error instanceof Error ? error : new Error('cannot listen'), { variable: 'METRICS_PORT' });
    });
  return server;
}

/** Hides `/metrics` on the main port; it is then only served on the operations port. */
export function hideMetrics(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.url === '/metrics' && !OWN_REQUESTS.has(request.raw)) reply.callNotFound();
    else done();
  });
}

function isWithoutIpv6(error: unknown, host: string): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return host === '::' && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL');
}
