import { inspect } from 'node:util';
import { OAuthError } from './oauth-error.js';
import {
  gatewayTimeout,
  invalidClientForBasic,
  invalidRequest,
  methodNotAllowed,
  serverError,
  temporarilyUnavailable,
  tooManyRequests,
  unsupportedGrantType,
} from './oauth-errors.js';

const RELAYED = '{"error":"invalid_client","error_description":"what upstream said"}';
const relayed = () =>
  new OAuthError({
    error: 'invalid_client',
    status: 400,
    description: 'refused',
    retryAfter: 7,
    relayedBody: RELAYED,
    headers: { 'X-Own': '1' },
  });

describe('OAuthError', () => {
  it.each<[() => OAuthError, number, string, Record<string, string>]>([
    [() => invalidRequest('wrong'), 400, 'invalid_request', {}],
    [() => invalidRequest('wrong', 415), 415, 'invalid_request', {}],
    [() => unsupportedGrantType(), 400, 'unsupported_grant_type', {}],
    [() => methodNotAllowed(), 405, 'invalid_request', { Allow: 'POST' }],
    [() => serverError('broken'), 502, 'server_error', {}],
    [() => serverError('broken', 500), 500, 'server_error', {}],
    [() => gatewayTimeout('slow'), 504, 'temporarily_unavailable', {}],
    [() => temporarilyUnavailable('busy', 3), 503, 'temporarily_unavailable', { 'Retry-After': '3' }],
    [() => tooManyRequests('busy', 4), 429, 'temporarily_unavailable', { 'Retry-After': '4' }],
  ])('%s is an answer of its own: %d %s %j', (make, status, code, headers) => {
    const error = make();
    const { description } = error;
    expect([error.status, error.error, error.headers]).toEqual([status, code, headers]);
    expect(description).not.toBe('');
    expect(JSON.parse(error.body)).toEqual({ error: code, error_description: description, message: description });
    expect([error.name, error.message]).toEqual(['OAuthError', `${code}: ${description}`]);
  });

  it('relays what upstream answered, and shows it to nobody else', () => {
    const error = relayed();
    expect(error.body).toBe(RELAYED);
    expect(error.headers).toEqual({ 'X-Own': '1', 'Retry-After': '7' });
    expect(inspect(error) + JSON.stringify(error)).not.toContain('what upstream said');
    expect(Object.keys(error)).not.toContain('cells-authority:OAuthError');
  });

  it('can be changed in part', () => {
    const changed = relayed().with({ status: 503, retryAfter: undefined });
    expect([changed.status, changed.body, changed.headers]).toEqual([503, RELAYED, { 'X-Own': '1' }]);
    expect(changed).toMatchObject({ error: 'invalid_client', description: 'refused' });
    expect(relayed().with({ headers: {} }).headers).toEqual({ 'Retry-After': '7' });
  });

  it('is a 401 for a client that used Basic and was refused, and unchanged for any other reason', () => {
    const error = invalidClientForBasic(relayed());
    expect([error.status, error.body]).toEqual([401, RELAYED]);
    expect(error.headers).toEqual({ 'WWW-Authenticate': 'Basic realm="Aspose.Cells Cloud"', 'Retry-After': '7' });
    const other = invalidRequest('wrong');
    expect(invalidClientForBasic(other)).toBe(other);
  });

  it('recognises errors of another copy of the package, and nothing else', () => {
    class Derived extends OAuthError {}
    const derived = new Derived({ error: 'e', status: 400, description: 'd' });
    const ofAnotherCopy = Object.create({ [Symbol.for('cells-authority:OAuthError')]: true }) as unknown;
    for (const error of [relayed(), derived, ofAnotherCopy]) expect(error instanceof OAuthError).toBe(true);
    for (const other of [new Error('e'), undefined, null, 'OAuthError', {}, () => undefined]) {
      expect(other instanceof OAuthError).toBe(false);
    }
    expect([derived instanceof Derived, relayed() instanceof Derived]).toEqual([true, false]);
  });
});
