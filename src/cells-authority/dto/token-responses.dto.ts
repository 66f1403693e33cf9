/** The authorization server's token response (RFC 6749 §5.1), relayed with everything else that it contains. */
export class TokenResponseDto {
  access_token!: string;
  token_type!: string;
  expires_in?: number | undefined;
}

/** An OAuth 2.0 error response (RFC 6749 §5.2). */
export class ErrorResponseDto {
  error!: string;
  error_description?: string | undefined;
  message?: string | undefined;
}
