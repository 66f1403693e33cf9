import { type INestApplication } from '@nestjs/common';
import { SwaggerModule } from '@nestjs/swagger';
import { createOpenApiDocument } from './openapi-document.js';

/** Serves Swagger UI at /cells, where Aspose's own reference has it, and the document beside it. */
export function serveTryItPage(app: INestApplication): void {
  SwaggerModule.setup('cells', app, () => createOpenApiDocument(app), {
    jsonDocumentUrl: 'cells/openapi.json',
    yamlDocumentUrl: 'cells/openapi.yaml',
    swaggerOptions: { deepLinking: true, persistAuthorization: false, validatorUrl: null },
  });
}
