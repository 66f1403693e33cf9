/** The headers that the service sends with a token, for a peer that is to do the same work: JSON in MORE_HEADERS. */
const MORE_HEADERS = Object.entries(JSON.parse(process.env.MORE_HEADERS ?? '{}'));

/** Sets the content type and, if wanted, the other headers. @param {import('fastify').FastifyReply} reply */
export function withHeaders(reply) {
  reply.header('Content-Type', 'application/json; charset=utf-8');
  for (const [name, value] of MORE_HEADERS) reply.header(name, value);
  return reply;
}
