/** Passing the rest of the Cells API through without writing a service: @fastify/http-proxy, as documented. */
import proxy from '@fastify/http-proxy';
import { fastify } from 'fastify';

const app = fastify();

await app.register(proxy, { upstream: process.env.CELLS_API_URL });
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
