import { applyDecorators } from '@nestjs/common';
import {
  ApiBasicAuth,
  ApiBody,
  ApiConsumes,
  ApiExtraModels,
  ApiOperation,
  ApiProduces,
  ApiQuery,
  ApiResponse,
  getSchemaPath,
} from '@nestjs/swagger';
import { ErrorResponseDto } from './error-response.dto.js';
import { TokenRequestDto } from './token-request.dto.js';
import { TokenResponseDto } from './token-response.dto.js';

/** Name of the Basic security scheme in the OpenAPI document. */
export const CLIENT_CREDENTIALS_SCHEME = 'clientCredentials';

const RETRY_AFTER = {
  'Retry-After': {
    description: 'Seconds after which another try makes sense.',
    schema: { type: 'integer' as const, minimum: 1 },
  },
};

const ERRORS = [
  { status: 400, error: 'invalid_client', description: 'The request is malformed, or its credentials were refused.' },
  { status: 401, error: 'invalid_client', description: 'The credentials of the Authorization header were refused.' },
  { status: 413, error: 'invalid_request', description: 'The body is larger than 16 KiB.' },
  { status: 415, error: 'invalid_request', description: 'The body has a Content-Encoding.' },
  {
    status: 429,
    error: 'temporarily_unavailable',
    description: 'The credentials, or whoever guesses them, are slowed down.',
    headers: RETRY_AFTER,
  },
  { status: 502, error: 'server_error', description: 'The authorization server gave no usable answer.' },
  {
    status: 503,
    error: 'temporarily_unavailable',
    description: 'The authorization server is failing, or too many requests wait for it.',
    headers: RETRY_AFTER,
  },
  { status: 504, error: 'temporarily_unavailable', description: 'The authorization server did not answer in time.' },
];

/** Describes the published operation `PostAccessToken` in the OpenAPI document. */
export function ApiPostAccessToken(): MethodDecorator {
  return applyDecorators(
    ApiOperation({
      operationId: 'PostAccessToken',
      summary: 'Get an access token',
      description:
        'Exchanges a Client ID and a Client Secret for an access token of Aspose Cloud. Send them in the body, or with ' +
        'HTTP Basic, or, as originally published, in the query, where they end up in logs and histories. ' +
        'Use one way only.',
    }),
    ApiQuery({
      name: 'client_id',
      required: false,
      description: 'The Client ID. Better sent in the body.',
      schema: { type: 'string', maxLength: 512 },
    }),
    ApiQuery({
      name: 'client_secret',
      required: false,
      description: 'The Client Secret. Better sent in the body: URLs are logged and kept in histories.',
      schema: { type: 'string', format: 'password', maxLength: 512 },
    }),
    ApiConsumes('application/x-www-form-urlencoded', 'application/json'),
    ApiProduces('application/json'),
    ApiBody({ type: TokenRequestDto, required: false }),
    ApiBasicAuth(CLIENT_CREDENTIALS_SCHEME),
    ApiExtraModels(ErrorResponseDto),
    ApiResponse({
      status: 200,
      description: 'The token response of the authorization server.',
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
