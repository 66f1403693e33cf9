import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import fc from 'fast-check';
import { dose } from '../../../test/support/dose.js';
import { TokenRequestDto } from '../dto/token-request.dto.js';
import { OAuthError } from '../errors/oauth-error.js';
import { isPlainlyValid, validateTokenRequest } from './token-request.validation.js';

const REQUESTS = dose(3000, 500);

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
      { numRuns: REQUESTS },
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
      { numRuns: 500 },
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

  it.each<[string, string, string | undefined, string | undefined, string]>([
    ['x'.repeat(512), 's', undefined, undefined, 'valid'],
    ['i', 'x'.repeat(512), 'a b', 'client_credentials', 'valid'],
    ['', 's', undefined, undefined, 'invalid_request: client_id is missing'],
    ['x'.repeat(513), 's', undefined, undefined, 'invalid_request: client_id is too long'],
    ['i', 'x'.repeat(513), undefined, undefined, 'invalid_request: client_secret is too long'],
    ['i', 'a\nb', undefined, undefined, 'invalid_request: client_secret has characters other than printable ASCII'],
    ['\u007f', 's', undefined, undefined, 'invalid_request: client_id has characters other than printable ASCII'],
    ['i', 's', ' a', undefined, 'invalid_request: scope must be printable ASCII words with one space between them'],
    ['i', 's', undefined, 'password', 'unsupported_grant_type: Only grant_type client_credentials is supported'],
  ])('says what is wrong with %#', (clientId, clientSecret, scope, grantType, expected) => {
    let outcome = 'valid';
    try {
      validateTokenRequest({ clientId, clientSecret }, scope, grantType);
    } catch (error) {
      outcome = error instanceof OAuthError ? error.message : String(error);
    }
    expect(outcome).toBe(expected);
  });

  it.each<[Parameters<typeof isPlainlyValid>, boolean]>([
    [['i', 's', undefined, undefined], true],
    [['~', ' ', undefined, 'client_credentials'], true],
    [['', 's', undefined, undefined], false],
    [['i', '', undefined, undefined], false],
    [['i', 's', 'scope', undefined], false],
    [['i', 's', undefined, 'password'], false],
    [['é', 's', undefined, undefined], false],
    [['i', 'a\n', undefined, undefined], false],
  ])('recognises a plainly valid request: %j', (parameters, expected) => {
    expect(isPlainlyValid(...parameters)).toBe(expected);
  });
});
