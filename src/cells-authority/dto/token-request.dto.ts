import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { Equals, IsOptional, Matches, MaxLength, MinLength } from 'class-validator';
import { MAX_CREDENTIAL_LENGTH, PRINTABLE_ASCII } from '../client-credentials/client-credentials.js';
import { OPERATION_TEXTS } from './operation-texts.js';

/** RFC 6749 §3.3: scope tokens, one space between them. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;

/** The parameters of a token request (RFC 6749 §4.4.2), as the form body carries them. */
@ApiSchema({ name: 'TokenRequest' })
export class TokenRequestDto {
  @ApiProperty({
    description: OPERATION_TEXTS.grantType,
    enum: ['client_credentials'],
    default: 'client_credentials',
    required: false,
  })
  @IsOptional()
  @Equals('client_credentials')
  grant_type?: string;

  @ApiProperty({
    description: OPERATION_TEXTS.clientId,
    // With HTTP Basic it is not in the body.
    required: false,
    maxLength: MAX_CREDENTIAL_LENGTH,
    example: '',
  })
  @MinLength(1, { message: 'client_id is missing' })
  @MaxLength(MAX_CREDENTIAL_LENGTH, { message: 'client_id is too long' })
  @Matches(PRINTABLE_ASCII, { message: 'client_id has characters other than printable ASCII' })
  client_id!: string;

  @ApiProperty({
    description: OPERATION_TEXTS.clientSecret,
    required: false,
    format: 'password',
    maxLength: MAX_CREDENTIAL_LENGTH,
    example: '',
  })
  @MinLength(1, { message: 'client_secret is missing' })
  @MaxLength(MAX_CREDENTIAL_LENGTH, { message: 'client_secret is too long' })
  @Matches(PRINTABLE_ASCII, { message: 'client_secret has characters other than printable ASCII' })
  client_secret!: string;

  @ApiProperty({
    description: OPERATION_TEXTS.scope,
    required: false,
    maxLength: MAX_CREDENTIAL_LENGTH,
    example: '',
  })
  @IsOptional()
  @MaxLength(MAX_CREDENTIAL_LENGTH, { message: 'scope is too long' })
  @Matches(SCOPE, { message: 'scope must be printable ASCII words with one space between them' })
  scope?: string;
}
