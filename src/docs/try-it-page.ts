import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { TRY_IT_PAGE_CSP } from './content-security-policy.js';
import { createOpenApiDocument } from './openapi-document.js';
import { type Language, LANGUAGES, negotiateLanguage } from './translations/languages.js';
import { translateDocument } from './translations/translate-document.js';
import { browserLanguage, deviceWidth, downloadUrl, emptyIsAbsent, tokenExpiry } from './try-it-page.plugins.js';
import { FAVICON, TRY_IT_PAGE_CSS } from './try-it-page.style.js';

/**
 * Serves Swagger UI at /cells, where Aspose's own reference has it, and the document beside it, in the language that is
 * asked for. Documents are made with the first request for them.
 */
export function serveTryItPage(app: NestFastifyApplication): void {
  protectPage(app);
  SwaggerModule.setup('cells', app, () => createOpenApiDocument(app), {
    jsonDocumentUrl: 'cells/openapi.json',
    yamlDocumentUrl: 'cells/openapi.yaml',
    patchDocumentOnRequest: (request, reply, document) =>
      inLanguageOf(request as FastifyRequest, reply as FastifyReply, document),
    customSiteTitle: 'PostAccessToken · Aspose.Cells Cloud',
    customfavIcon: FAVICON,
    customCss: TRY_IT_PAGE_CSS,
    explorer: true,
    swaggerOptions: {
      // Loaded by address, one for each language, and not written into the page as well.
      spec: {},
      urls: Object.entries(LANGUAGES).map(([tag, { name }]) => ({ name, url: `/cells/openapi.json?lang=${tag}` })),
      plugins: [downloadUrl, browserLanguage, emptyIsAbsent, deviceWidth, tokenExpiry],
      deepLinking: true,
      displayRequestDuration: true,
      persistAuthorization: false,
      validatorUrl: null,
    },
  });
}

const translated = new WeakMap<OpenAPIObject, Map<Language, OpenAPIObject>>();

function inLanguageOf(request: FastifyRequest, reply: FastifyReply, document: OpenAPIObject): OpenAPIObject {
  const lang = new URLSearchParams(request.url.split('?')[1]).get('lang');
  const language = negotiateLanguage(lang, request.headers['accept-language']);
  void reply.headers({ 'Content-Language': language, Vary: 'Accept-Language' });
  const known = translated.get(document) ?? new Map<Language, OpenAPIObject>();
  translated.set(document, known);
  const inLanguage = known.get(language) ?? translateDocument(document, LANGUAGES[language].translation);
  known.set(language, inLanguage);
  return inLanguage;
}

/** Gives the page and what it loads a policy of its own; no other route pays for that. */
function protectPage(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRoute', (route) => {
      if (!/^\/cells(?:[/*]|$)/.test(route.url)) return;
      route.onSend = (_request, reply, _payload, done) => {
        void reply.header('Content-Security-Policy', TRY_IT_PAGE_CSP);
        done();
      };
    });
}
