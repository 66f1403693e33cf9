import { type INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { CLIENT_CREDENTIALS_SCHEME } from '../cells-authority/index.js';

/** The OpenAPI document of the published operation. */
export function createOpenApiDocument(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Aspose.Cells Cloud token authority')
    .setDescription('Access tokens for Aspose.Cells Cloud: reused, renewed ahead of their expiry, and safe from bans.')
    .setVersion('4.0')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/')
    .addTag('CellsAuthorityController', 'Access tokens')
    .addBasicAuth(
      { type: 'http', scheme: 'basic', description: 'Client ID as the user name, Client Secret as the password.' },
      CLIENT_CREDENTIALS_SCHEME,
    )
    .build();
  return SwaggerModule.createDocument(app, config);
}
