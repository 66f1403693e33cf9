import { type FastifyInstance } from 'fastify';

/** Bodies go to the library as text: it reads them more strictly than parsers that are made for everything. */
export function takeBodiesAsText(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    ['application/x-www-form-urlencoded', 'application/json'],
    { parseAs: 'string' },
    (_request, body, done) => {
      done(null, body);
    },
  );
  // Everything else is refused by its media type, unread.
  fastify.addContentTypeParser('*', (_request, _payload, done) => {
    done(null, undefined);
  });
}
