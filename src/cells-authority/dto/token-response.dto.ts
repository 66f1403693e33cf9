import { ApiProperty, ApiSchema } from '@nestjs/swagger';

/** The authorization server's token response (RFC 6749 §5.1), relayed with everything else that it contains. */
@ApiSchema({ name: 'TokenResponse' })
export class TokenResponseDto {
  @ApiProperty({
    description: 'The access token. Send it as "Authorization: Bearer <token>" with every call of the Cells API.',
    example: 'eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJodHRwczovL2FwaS5hc3Bvc2UuY2xvdWQifQ.c2lnbmF0dXJl',
  })
  access_token!: string;

  @ApiProperty({ description: 'How the token is used; Aspose Cloud issues bearer tokens.', example: 'bearer' })
  token_type!: string;

  @ApiProperty({
    description: 'Seconds that the token remains valid, counted from this answer.',
    type: 'integer',
    minimum: 0,
    required: false,
    example: 86400,
  })
  expires_in?: number;
}
