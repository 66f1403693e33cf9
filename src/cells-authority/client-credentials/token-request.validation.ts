import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { TokenRequestDto } from '../dto/token-request.dto.js';
import { invalidRequest, unsupportedGrantType } from '../errors/oauth-errors.js';
import { type ClientCredentials, isCredential } from './client-credentials.js';

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
  if (isPlainlyValid(clientId, clientSecret, scope, grantType)) return;
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

/** What nearly every request is, told at a hundredth of the cost; the rules themselves judge all others. */
export function isPlainlyValid(
  clientId: string,
  clientSecret: string,
  scope: string | undefined,
  grantType: string | undefined,
): boolean {
  return (
    scope === undefined &&
    (grantType === undefined || grantType === 'client_credentials') &&
    isCredential(clientId) &&
    isCredential(clientSecret)
  );
}
