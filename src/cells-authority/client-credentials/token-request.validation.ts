import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { TokenRequestDto } from '../dto/token-request.dto.js';
import { invalidRequest, unsupportedGrantType } from '../errors/oauth-errors.js';
import { type ClientCredentials } from './client-credentials.js';

/**
 * Holds a token request against the rules of {@link TokenRequestDto}.
 *
 * @throws OAuthError `invalid_request` or `unsupported_grant_type`; the description names the parameter, never its value.
 */
export function validateTokenRequest(
  { clientId, clientSecret }: ClientCredentials,
  scope: string | undefined,
  grantType?: string,
): void {
  const parameters = { client_id: clientId, client_secret: clientSecret, scope, grant_type: grantType };
  const [violation] = validateSync(plainToInstance(TokenRequestDto, parameters), {
    stopAtFirstError: true,
    // What a validator's error quotes must not be the secret.
    validationError: { target: false, value: false },
  });
  if (violation === undefined) return;
  if (violation.property === 'grant_type') throw unsupportedGrantType();
  throw invalidRequest(Object.values(violation.constraints ?? {})[0] ?? `${violation.property} is invalid`);
}
