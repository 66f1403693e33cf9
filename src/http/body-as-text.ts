import { type FastifyInstance } from 'fastify';

/** Bodies go to the library as text: it reads them more strictly than parsers that are made for everything. */
export function takeBodiesAsText(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    done(null, body);
  });
}
