// Run by ends-by-itself.e2e-spec.ts: a host that starts, uses everything, closes and has nothing left to wait for.
/* global AbortSignal */
import 'reflect-metadata';

const idle = () => JSON.stringify([process.getActiveResourcesInfo(), process.eventNames()]);
await import('@nestjs/axios');
await import('@nestjs/platform-express');
await import('@nestjs/platform-fastify');
const before = idle();
const { CellsApiAuthorization, CellsAuthorityModule, CellsAuthorityService } =
  await import('../../dist/cells-authority/index.js');
if (idle() !== before) throw new Error(`importing the library did something: ${before} became ${idle()}`);

const { Module } = await import('@nestjs/common');
const { NestFactory } = await import('@nestjs/core');
const { ExpressAdapter } = await import('@nestjs/platform-express');
const { FastifyAdapter } = await import('@nestjs/platform-fastify');
const { default: axios } = await import('axios');

const { adapter, tokenUrl, api, ...options } = JSON.parse(process.argv[2]);
class Host {}
Module({
  imports: [
    CellsAuthorityModule.forRoot({
      upstreamTokenUrl: tokenUrl,
      credentials: { clientId: 'application', clientSecret: 'secret-of-the-application' },
      ...options,
    }),
  ],
})(Host);

const app = await NestFactory.create(Host, adapter === 'Fastify' ? new FastifyAdapter() : new ExpressAdapter(), {
  logger: false,
});
await app.listen(0, '127.0.0.1');
const authority = app.get(CellsAuthorityService);
const http = axios.create({ baseURL: api });
app.get(CellsApiAuthorization).attach(http, { origins: [api] });
await http.get('/', { headers: { Connection: 'close' } });
const aborted = authority.getAccessToken({ scope: 'a', signal: AbortSignal.timeout(1) }).catch(() => 'aborted');
await authority.postAccessToken({ clientId: 'unknown', clientSecret: 'unknown' }).catch(() => 'refused');
const body = new URLSearchParams({ client_id: 'application', client_secret: 'secret-of-the-application' });
const reply = await fetch(`${await app.getUrl()}/v4.0/cells/connect/token`, {
  method: 'POST',
  body,
  headers: { Connection: 'close' },
});
await reply.json();
await aborted;
await app.close();

// The event loop is to run dry: no process.exit() here.
process.stdout.write(`closed ${reply.status}\n`);
