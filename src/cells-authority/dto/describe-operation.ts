import { type Type } from '@nestjs/common';
import type * as Swagger from '@nestjs/swagger';
import { CellsAuthorityController } from '../cells-authority.controller.js';
import { MAX_CREDENTIAL_LENGTH } from '../client-credentials/client-credentials.js';
import { OPERATION_TEXTS } from './operation-texts.js';
import { TokenRequestDto } from './token-request.dto.js';
import { ErrorResponseDto, TokenResponseDto } from './token-responses.dto.js';

type SwaggerPackage = typeof Swagger;

/** The package that the operation was described with; once per process, because decorators add to what is there. */
let described: Promise<SwaggerPackage | undefined> | undefined;

/**
 * Describes the published operation for the application's OpenAPI document, and keeps the other controllers out of it.
 * Does nothing where `@nestjs/swagger` is not installed.
 */
export async function describeControllers(controllers: readonly Type[]): Promise<void> {
  if (controllers.length === 0) return;
  described ??= import('@nestjs/swagger').then(describeOperation, () => undefined);
  const swagger = await described;
  for (const controller of controllers) if (!isPublished(controller)) swagger?.ApiExcludeController()(controller);
}

function isPublished(controller: Type): boolean {
  return controller === CellsAuthorityController || controller.prototype instanceof CellsAuthorityController;
}

function describeOperation(swagger: SwaggerPackage): SwaggerPackage {
  describeModels(swagger);
  // On the class, or Nest adds a tag of its own.
  swagger.ApiTags('CellsAuthorityController')(CellsAuthorityController);
  const operation = Object.getOwnPropertyDescriptor(CellsAuthorityController.prototype, 'postAccessToken');
  for (const decorate of operationDecorators(swagger)) {
    decorate(CellsAuthorityController.prototype, 'postAccessToken', operation ?? {});
  }
  return swagger;
}

function operationDecorators(swagger: SwaggerPackage): MethodDecorator[] {
  const { ApiBody, ApiConsumes, ApiExtraModels, ApiOperation, ApiProduces, ApiQuery, ApiResponse } = swagger;
  return [
    ApiOperation({
      operationId: 'PostAccessToken',
      summary: OPERATION_TEXTS.summary,
      description: OPERATION_TEXTS.operation,
    }),
    ApiQuery({
      name: 'client_id',
      required: false,
      description: OPERATION_TEXTS.queryClientId,
      schema: { type: 'string', maxLength: MAX_CREDENTIAL_LENGTH },
    }),
    ApiQuery({
      name: 'client_secret',
      required: false,
      description: OPERATION_TEXTS.queryClientSecret,
      schema: { type: 'string', format: 'password', maxLength: MAX_CREDENTIAL_LENGTH },
    }),
    ApiConsumes('application/x-www-form-urlencoded', 'application/json'),
    ApiProduces('application/json'),
    ApiBody({ type: TokenRequestDto, required: false }),
    ApiExtraModels(ErrorResponseDto),
    ApiResponse({
      status: 200,
      description: OPERATION_TEXTS.ok,
      type: TokenResponseDto,
      example: { access_token: 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln', token_type: 'bearer', expires_in: 86400 },
    }),
    ...ERRORS.map(({ status, error, description, headers }) =>
      ApiResponse({
        status,
        description,
        headers,
        content: {
          'application/json': {
            schema: { $ref: swagger.getSchemaPath(ErrorResponseDto) },
            example: { error, error_description: description, message: description },
          },
        },
      }),
    ),
  ];
}

const RETRY_AFTER = {
  'Retry-After': {
    description: OPERATION_TEXTS.retryAfter,
    schema: { type: 'integer' as const, minimum: 1 },
  },
};

const ERRORS = [
  { status: 400, error: 'invalid_client', description: OPERATION_TEXTS.badRequest },
  { status: 401, error: 'invalid_client', description: OPERATION_TEXTS.unauthorized },
  { status: 403, error: 'invalid_request', description: OPERATION_TEXTS.forbidden },
  { status: 408, error: 'invalid_request', description: OPERATION_TEXTS.requestTimeout },
  { status: 413, error: 'invalid_request', description: OPERATION_TEXTS.payloadTooLarge },
  { status: 415, error: 'invalid_request', description: OPERATION_TEXTS.unsupportedMediaType },
  {
    status: 429,
    error: 'temporarily_unavailable',
    description: OPERATION_TEXTS.tooManyRequests,
    headers: RETRY_AFTER,
  },
  { status: 431, error: 'invalid_request', description: OPERATION_TEXTS.headersTooLarge },
  { status: 502, error: 'server_error', description: OPERATION_TEXTS.badGateway },
  {
    status: 503,
    error: 'temporarily_unavailable',
    description: OPERATION_TEXTS.serviceUnavailable,
    headers: RETRY_AFTER,
  },
  { status: 504, error: 'temporarily_unavailable', description: OPERATION_TEXTS.gatewayTimeout },
];

type PropertiesOf<Model> = Readonly<Record<keyof Model, Swagger.ApiPropertyOptions>>;

/** The models' names say where they come from, because a host may well have its own `TokenResponse`. */
function describeModels({ ApiProperty, ApiSchema }: SwaggerPackage): void {
  const describe = <Model extends object>(model: Model, name: string, properties: PropertiesOf<Model>): void => {
    ApiSchema({ name })(model.constructor);
    for (const [property, options] of Object.entries<Swagger.ApiPropertyOptions>(properties)) {
      ApiProperty(options)(model, property);
    }
  };
  describe(TokenRequestDto.prototype, 'PostAccessTokenRequest', REQUEST_PROPERTIES);
  describe(TokenResponseDto.prototype, 'PostAccessTokenResponse', RESPONSE_PROPERTIES);
  describe(ErrorResponseDto.prototype, 'PostAccessTokenError', ERROR_PROPERTIES);
}

const REQUEST_PROPERTIES: PropertiesOf<TokenRequestDto> = {
  grant_type: {
    type: String,
    description: OPERATION_TEXTS.grantType,
    enum: ['client_credentials'],
    default: 'client_credentials',
    required: false,
  },
  client_id: {
    type: String,
    description: OPERATION_TEXTS.clientId,
    // With HTTP Basic it is not in the body.
    required: false,
    maxLength: MAX_CREDENTIAL_LENGTH,
    example: '',
  },
  client_secret: {
    type: String,
    description: OPERATION_TEXTS.clientSecret,
    required: false,
    format: 'password',
    maxLength: MAX_CREDENTIAL_LENGTH,
    example: '',
  },
  scope: {
    type: String,
    description: OPERATION_TEXTS.scope,
    required: false,
    maxLength: MAX_CREDENTIAL_LENGTH,
    example: '',
  },
};

const RESPONSE_PROPERTIES: PropertiesOf<TokenResponseDto> = {
  access_token: {
    type: String,
    description: OPERATION_TEXTS.accessToken,
    example: 'eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJodHRwczovL2FwaS5hc3Bvc2UuY2xvdWQifQ.c2lnbmF0dXJl',
  },
  token_type: { type: String, description: OPERATION_TEXTS.tokenType, example: 'bearer' },
  expires_in: {
    type: 'integer',
    description: OPERATION_TEXTS.expiresIn,
    minimum: 0,
    required: false,
    example: 86400,
  },
};

const ERROR_PROPERTIES: PropertiesOf<ErrorResponseDto> = {
  error: { type: String, description: OPERATION_TEXTS.errorCode, example: 'invalid_client' },
  error_description: {
    type: String,
    description: OPERATION_TEXTS.errorDescription,
    required: false,
    example: 'The client credentials were refused',
  },
  message: {
    type: String,
    description: OPERATION_TEXTS.errorMessage,
    required: false,
    example: 'The client credentials were refused',
  },
};
