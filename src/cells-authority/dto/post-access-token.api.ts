import { applyDecorators } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiExtraModels,
  ApiOperation,
  ApiProduces,
  ApiQuery,
  ApiResponse,
  getSchemaPath,
} from '@nestjs/swagger';
import { MAX_CREDENTIAL_LENGTH } from '../client-credentials/client-credentials.js';
import { OPERATION_TEXTS } from './operation-texts.js';
import { TokenRequestDto } from './token-request.dto.js';
import { ErrorResponseDto, TokenResponseDto } from './token-responses.dto.js';

/** Name of the Basic security scheme in the OpenAPI document. */
export const CLIENT_CREDENTIALS_SCHEME = 'clientCredentials';

const RETRY_AFTER = {
  'Retry-After': {
    description: OPERATION_TEXTS.retryAfter,
    schema: { type: 'integer' as const, minimum: 1 },
  },
};

const ERRORS = [
  { status: 400, error: 'invalid_client', description: OPERATION_TEXTS.badRequest },
  { status: 401, error: 'invalid_client', description: OPERATION_TEXTS.unauthorized },
  { status: 413, error: 'invalid_request', description: OPERATION_TEXTS.payloadTooLarge },
  { status: 415, error: 'invalid_request', description: OPERATION_TEXTS.unsupportedMediaType },
  {
    status: 429,
    error: 'temporarily_unavailable',
    description: OPERATION_TEXTS.tooManyRequests,
    headers: RETRY_AFTER,
  },
  { status: 502, error: 'server_error', description: OPERATION_TEXTS.badGateway },
  {
    status: 503,
    error: 'temporarily_unavailable',
    description: OPERATION_TEXTS.serviceUnavailable,
    headers: RETRY_AFTER,
  },
  { status: 504, error: 'temporarily_unavailable', description: OPERATION_TEXTS.gatewayTimeout },
];

/** Describes the published operation `PostAccessToken` in the OpenAPI document. */
export function ApiPostAccessToken(): MethodDecorator {
  return applyDecorators(
    ApiOperation({
      operationId: 'PostAccessToken',
      summary: OPERATION_TEXTS.summary,
      description: OPERATION_TEXTS.operation,
      // HTTP Basic, or credentials elsewhere.
      security: [{ [CLIENT_CREDENTIALS_SCHEME]: [] }, {}],
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
            schema: { $ref: getSchemaPath(ErrorResponseDto) },
            example: { error, error_description: description, message: description },
          },
        },
      }),
    ),
  );
}
