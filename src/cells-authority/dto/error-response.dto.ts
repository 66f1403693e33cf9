import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { OPERATION_TEXTS } from './operation-texts.js';

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
