/** Forwarding without writing a service: @fastify/http-proxy, as documented. */
import proxy from '@fastify/http-proxy';
import { fastify } from 'fastify';
import { TOKEN_PATH } from '../http/token-request.mjs';

const { origin, pathname } = new URL(process.env.UPSTREAM_TOKEN_URL);
const app = fastify();

await app.register(proxy, { upstream: origin, prefix: TOKEN_PATH, rewritePrefix: pathname });
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
