/** Fastify with @fastify/formbody: reads a token request from a form, checks it, and answers a ready string. */
import formBody from '@fastify/formbody';
import { fastify } from 'fastify';
import { clientCredentials } from '../http/client-credentials.mjs';
import { TOKEN_PATH } from '../http/token-request.mjs';
import { tokenResponse } from '../http/token-response.mjs';
import { withHeaders } from './more-headers.mjs';

const { clientId } = clientCredentials(0);
const text = tokenResponse(clientId);
const app = fastify();

await app.register(formBody);
app.post(TOKEN_PATH, ({ body }, reply) => {
  if (body.client_id !== clientId || body.client_secret === undefined) reply.code(400).send();
  else withHeaders(reply).send(text);
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
