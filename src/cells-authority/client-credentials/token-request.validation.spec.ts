import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import fc from 'fast-check';
import { TokenRequestDto } from '../dto/token-request.dto.js';
import { OAuthError } from '../errors/oauth-error.js';
import { isPlainlyValid, validateTokenRequest } from './token-request.validation.js';

const text = fc.oneof(
  fc.string({ maxLength: 600, unit: fc.integer({ min: 0x1e, max: 0x81 }).map((code) => String.fromCharCode(code)) }),
  fc.string(),
  fc.integer({ min: 510, max: 514 }).map((length) => 'x'.repeat(length)),
  fc.constantFrom('', '\n', 'a\n', 'secret\r\n', 'é', ' '),
);
const request = fc.record({
  client_id: text,
  client_secret: text,
  scope: fc.option(text, { nil: undefined }),
  grant_type: fc.constantFrom(undefined, 'client_credentials', 'Client_Credentials', 'password'),
});

function violationsOf(parameters: object): number {
  return validateSync(plainToInstance(TokenRequestDto, parameters)).length;
}

describe('validateTokenRequest', () => {
  it('only treats a request as plainly valid if the rules of the DTO accept it', () => {
    fc.assert(
      fc.property(request, (one) => {
        if (!isPlainlyValid(one.client_id, one.client_secret, one.scope, one.grant_type)) return;
        expect(violationsOf(one)).toBe(0);
      }),
      { numRuns: 3000 },
    );
  });

  it('accepts and refuses exactly as the rules of the DTO do', () => {
    fc.assert(
      fc.property(request, (one) => {
        const credentials = { clientId: one.client_id, clientSecret: one.client_secret };
        const validate = () => {
          validateTokenRequest(credentials, one.scope, one.grant_type);
        };
        if (violationsOf(one) === 0) expect(validate).not.toThrow();
        else expect(validate).toThrow(OAuthError);
      }),
      { numRuns: 3000 },
    );
  });

  it('never quotes what it refuses', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 9 }), (secret) => {
        try {
          validateTokenRequest({ clientId: 'id', clientSecret: `\n${secret}` }, undefined);
        } catch (error) {
          expect(error instanceof OAuthError && error.body.includes(secret)).toBe(false);
        }
      }),
    );
  });
});
