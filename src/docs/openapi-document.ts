import { type INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { CLIENT_CREDENTIALS_SCHEME } from '../cells-authority/index.js';
import { english } from './translations/english.js';

/** The OpenAPI document of the published operation. */
export function createOpenApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle(english.title)
    .setDescription(english.description)
    .setVersion('4.0')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/')
    .addTag('CellsAuthorityController', english.tag)
    .addBasicAuth({ type: 'http', scheme: 'basic', description: english.basicScheme }, CLIENT_CREDENTIALS_SCHEME)
    .build();
  return SwaggerModule.createDocument(app, config);
}
