import { type INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { PUBLISHED_PATH } from '../cells-authority/index.js';
import { english } from './translations/english.js';

const BASIC_SCHEME = 'clientCredentials';

/** The OpenAPI document of the published operation. */
export function createOpenApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle(english.title)
    .setDescription(english.description)
    .setVersion('4.0')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/')
    .addTag('CellsAuthorityController', english.tag)
    .addBasicAuth({ type: 'http', scheme: 'basic', description: english.basicScheme }, BASIC_SCHEME)
    .build();
  const document = SwaggerModule.createDocument(app, config);
  const operation = document.paths[`/${PUBLISHED_PATH}`]?.post;
  // Either HTTP Basic, or credentials elsewhere in the request.
  if (operation !== undefined) operation.security = [{ [BASIC_SCHEME]: [] }, {}];
  return document;
}
