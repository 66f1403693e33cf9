import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OpenAPIObject } from '@nestjs/swagger';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyReply, type FastifyRequest, type RouteHandlerMethod } from 'fastify';
import { dump } from 'js-yaml';
import swaggerUiFolder from 'swagger-ui-dist/absolute-path.js';
import { createOpenApiDocument } from './openapi-document.js';
import { PageFile } from './page-file.js';
import { type Language, LANGUAGES, negotiateLanguage } from './translations/languages.js';
import { translateDocument } from './translations/translate-document.js';
import { TRY_IT_PAGE_SCRIPT, tryItPageHtml } from './try-it-page.html.js';

/**
 * What the try-it page may load: scripts and documents of its own origin, and nothing from anywhere else. Swagger UI
 * has inline styles but no inline scripts; its icons, and ours, are `data:` images.
 */
const TRY_IT_PAGE_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const JAVASCRIPT = 'text/javascript; charset=utf-8';

/**
 * Serves Swagger UI at /cells, as Aspose's own reference does, with the document beside it in the requested language.
 * Files are read and documents made on the first request for them, and then served from memory.
 */
export function serveTryItPage(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const serve = (path: string, handler: RouteHandlerMethod) => {
    fastify.get(path, (request, reply) => {
      // Only this route has its own policy.
      void reply.header('Content-Security-Policy', TRY_IT_PAGE_CSP);
      return handler.call(fastify, request, reply);
    });
  };
  const serveFile = (path: string, make: () => PageFile) => {
    const file = once(make);
    serve(path, (request, reply) => file().send(request, reply));
  };

  serveFile('/cells', () => new PageFile('text/html; charset=utf-8', tryItPageHtml('./cells/')));
  serveFile('/cells/', () => new PageFile('text/html; charset=utf-8', tryItPageHtml('./')));
  serveFile('/cells/swagger-ui-init.js', () => new PageFile(JAVASCRIPT, TRY_IT_PAGE_SCRIPT));
  serveFile('/cells/swagger-ui-bundle.js', () => swaggerUiFile(JAVASCRIPT, 'swagger-ui-bundle.js'));
  serveFile('/cells/swagger-ui-standalone-preset.js', () =>
    swaggerUiFile(JAVASCRIPT, 'swagger-ui-standalone-preset.js'),
  );
  serveFile('/cells/swagger-ui.css', () => swaggerUiFile('text/css; charset=utf-8', 'swagger-ui.css'));

  const english = once(() => createOpenApiDocument(app));
  serve('/cells/openapi.json', inLanguages('application/json; charset=utf-8', english, JSON.stringify));
  serve(
    '/cells/openapi.yaml',
    inLanguages('text/yaml; charset=utf-8', english, (document) => dump(document, { skipInvalid: true, noRefs: true })),
  );
}

function swaggerUiFile(type: string, name: string): PageFile {
  return new PageFile(type, readFileSync(join(swaggerUiFolder(), name)));
}

function inLanguages(
  type: string,
  english: () => OpenAPIObject,
  write: (document: OpenAPIObject) => string,
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  const files = new Map<Language, PageFile>();
  return (request, reply) => {
    const lang = new URLSearchParams(request.url.split('?')[1]).get('lang');
    const language = negotiateLanguage(lang, request.headers['accept-language']);
    const file =
      files.get(language) ?? new PageFile(type, write(translateDocument(english(), LANGUAGES[language].translation)));
    files.set(language, file);
    return file.send(request, reply.header('Content-Language', language), 'Accept-Language');
  };
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
