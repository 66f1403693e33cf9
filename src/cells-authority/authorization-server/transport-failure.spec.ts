import { TransportFailure, transportFailureOf } from './transport-failure.js';

const withCode = (code: unknown) => Object.assign(new Error('it says a secret'), { code });

describe('transportFailureOf', () => {
  it.each<[string, string, boolean]>([
    ['ENOTFOUND', 'name_not_found', true],
    ['EAI_AGAIN', 'name_not_found', true],
    ['EAI_NODATA', 'name_not_found', true],
    ['EAI_NONAME', 'name_not_found', true],
    ['ECONNREFUSED', 'connect_failed', true],
    ['EHOSTUNREACH', 'connect_failed', true],
    ['ENETUNREACH', 'connect_failed', true],
    ['EADDRNOTAVAIL', 'connect_failed', true],
    ['CERT_HAS_EXPIRED', 'certificate_expired', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate_wrong_host', false],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate_untrusted', false],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_failed', false],
    ['HPE_INVALID_CONSTANT', 'invalid_response', false],
    ['ERR_HTTP_INVALID_STATUS_CODE', 'invalid_response', false],
    ['ERR_INVALID_CHAR', 'invalid_response', false],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'invalid_response', false],
    ['UND_ERR_RESPONSE', 'invalid_response', false],
    ['UND_ERR_HEADERS_OVERFLOW', 'invalid_response', false],
    ['ECONNRESET', 'connection_lost', false],
    ['UND_ERR_SOCKET', 'connection_lost', false],
    ['NOT_HPE_X', 'connection_lost', false],
  ])('takes %s for %s', (code, kind, unseen) => {
    const failure = transportFailureOf(withCode(code), false);
    expect([failure.kind, failure.unseen, failure.code]).toEqual([kind, unseen, code]);
    expect([failure.name, failure.message]).toEqual(['TransportFailure', `${kind} (${code})`]);
  });

  it('takes only a lost connection on which nothing came back for unseen, beside those never made', () => {
    expect(transportFailureOf(withCode('ECONNRESET'), true).unseen).toBe(true);
    expect(transportFailureOf(withCode('HPE_INVALID_CONSTANT'), true).unseen).toBe(false);
    expect(transportFailureOf(withCode('CERT_HAS_EXPIRED'), true).unseen).toBe(false);
  });

  it('looks into the errors of all addresses that were tried', () => {
    const all = new AggregateError([withCode('ECONNREFUSED'), withCode('ENETUNREACH')]);
    expect(transportFailureOf(all, false).code).toBe('ECONNREFUSED');
    expect(transportFailureOf(Object.assign(new AggregateError([]), { code: 'ENOTFOUND' }), false).code).toBe(
      'ENOTFOUND',
    );
  });

  it.each([[new Error('no code')], [withCode(7)], [undefined], [null], ['ECONNREFUSED']])(
    'does not know %p',
    (error) => {
      expect(transportFailureOf(error, false)).toMatchObject({
        kind: 'connection_lost',
        code: 'UNKNOWN',
        unseen: false,
      });
    },
  );

  it('leaves a failure as it is', () => {
    const failure = new TransportFailure('timeout', false, 'DEADLINE');
    expect(transportFailureOf(failure, true)).toBe(failure);
  });
});
