/** The least that Fastify can do: one route that returns a ready string. */
import { fastify } from 'fastify';
import { clientCredentials } from '../http/client-credentials.mjs';
import { TOKEN_PATH } from '../http/token-request.mjs';
import { tokenResponse } from '../http/token-response.mjs';
import { withHeaders } from './more-headers.mjs';

const text = tokenResponse(clientCredentials(0).clientId);
const app = fastify();

app.post(TOKEN_PATH, (_request, reply) => {
  withHeaders(reply).send(text);
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
