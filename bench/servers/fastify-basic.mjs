/** Fastify with @fastify/formbody: decodes the client credentials of HTTP Basic, answers a ready string. */
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
app.post(TOKEN_PATH, ({ headers, body }, reply) => {
  const [scheme, encoded = ''] = (headers.authorization ?? '').split(' ');
  const [id, secret] = Buffer.from(encoded, 'base64').toString().split(':').map(decodeURIComponent);
  const isValid = scheme === 'Basic' && id === clientId && secret !== undefined;
  if (!isValid || body.grant_type !== 'client_credentials') reply.code(400).send();
  else withHeaders(reply).send(text);
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
