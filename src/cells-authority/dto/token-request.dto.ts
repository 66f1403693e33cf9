import { Equals, IsOptional, Matches, MaxLength, MinLength } from 'class-validator';
import { MAX_CREDENTIAL_LENGTH, PRINTABLE_ASCII } from '../client-credentials/client-credentials.js';

/** RFC 6749 §3.3: scope tokens, one space between them. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;

/** The parameters of a token request (RFC 6749 §4.4.2), as the form body carries them. */
export class TokenRequestDto {
  @IsOptional()
  @Equals('client_credentials')
  grant_type?: string | undefined;

  @MinLength(1, { message: 'client_id is missing' })
  @MaxLength(MAX_CREDENTIAL_LENGTH, { message: 'client_id is too long' })
  @Matches(PRINTABLE_ASCII, { message: 'client_id has characters other than printable ASCII' })
  client_id!: string;

  @MinLength(1, { message: 'client_secret is missing' })
  @MaxLength(MAX_CREDENTIAL_LENGTH, { message: 'client_secret is too long' })
  @Matches(PRINTABLE_ASCII, { message: 'client_secret has characters other than printable ASCII' })
  client_secret!: string;

  @IsOptional()
  @MaxLength(MAX_CREDENTIAL_LENGTH, { message: 'scope is too long' })
  @Matches(SCOPE, { message: 'scope must be printable ASCII words with one space between them' })
  scope?: string | undefined;
}
