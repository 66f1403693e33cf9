/** Forwarding as a small service would do it: a Fastify route that posts the credentials with axios as it comes. */
import { Agent } from 'node:http';
import axios from 'axios';
import { fastify } from 'fastify';
import { TOKEN_PATH } from '../http/token-request.mjs';

const client = axios.create({ httpAgent: new Agent({ keepAlive: true }) });
const app = fastify();

app.post(TOKEN_PATH, async ({ query }) => {
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...query });
  const { data } = await client.post(process.env.UPSTREAM_TOKEN_URL, form);
  return data;
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
