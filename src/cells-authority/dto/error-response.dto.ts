import { ApiProperty, ApiSchema } from '@nestjs/swagger';

/** An OAuth 2.0 error response (RFC 6749 §5.2). */
@ApiSchema({ name: 'ErrorResponse' })
export class ErrorResponseDto {
  @ApiProperty({ description: 'The error code.', example: 'invalid_client' })
  error!: string;

  @ApiProperty({
    description: 'What went wrong, for people.',
    required: false,
    example: 'The client credentials were refused',
  })
  error_description?: string;

  @ApiProperty({
    description: 'The description once more: some SDKs show nothing else. Absent from errors relayed from upstream.',
    required: false,
    example: 'The client credentials were refused',
  })
  message?: string;
}
