import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { OPERATION_TEXTS } from './operation-texts.js';

/** The authorization server's token response (RFC 6749 §5.1), relayed with everything else that it contains. */
@ApiSchema({ name: 'TokenResponse' })
export class TokenResponseDto {
  @ApiProperty({
    description: OPERATION_TEXTS.accessToken,
    example: 'eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJodHRwczovL2FwaS5hc3Bvc2UuY2xvdWQifQ.c2lnbmF0dXJl',
  })
  access_token!: string;

  @ApiProperty({ description: OPERATION_TEXTS.tokenType, example: 'bearer' })
  token_type!: string;

  @ApiProperty({
    description: OPERATION_TEXTS.expiresIn,
    type: 'integer',
    minimum: 0,
    required: false,
    example: 86400,
  })
  expires_in?: number;
}

/** An OAuth 2.0 error response (RFC 6749 §5.2). */
@ApiSchema({ name: 'ErrorResponse' })
export class ErrorResponseDto {
  @ApiProperty({ description: OPERATION_TEXTS.errorCode, example: 'invalid_client' })
  error!: string;

  @ApiProperty({
    description: OPERATION_TEXTS.errorDescription,
    required: false,
    example: 'The client credentials were refused',
  })
  error_description?: string;

  @ApiProperty({
    description: OPERATION_TEXTS.errorMessage,
    required: false,
    example: 'The client credentials were refused',
  })
  message?: string;
}
