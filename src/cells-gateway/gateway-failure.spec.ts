import { TransportFailure } from '../cells-authority/internal.js';
import * as failures from './gateway-failure.js';

const CERTIFICATE = ['tls_certificate_error', 'The Cells API has no valid certificate'] as const;
const PROXY = ['destination_unavailable', 'The proxy does not connect to the Cells API'] as const;
const UNREACHABLE = 'The Cells API cannot be reached';

describe('failureOf', () => {
  it.each<[ConstructorParameters<typeof TransportFailure>[0], number, string, string]>([
    ['connect_timeout', 504, 'connection_timeout', 'The Cells API cannot be reached in time'],
    ['connect_failed', 502, 'destination_ip_unroutable', UNREACHABLE],
    ['name_not_found', 502, 'dns_error', UNREACHABLE],
    ['certificate_expired', 502, ...CERTIFICATE],
    ['certificate_untrusted', 502, ...CERTIFICATE],
    ['certificate_wrong_host', 502, ...CERTIFICATE],
    ['tls_failed', 502, ...CERTIFICATE],
    ['proxy_unreachable', 502, ...PROXY],
    ['proxy_auth', 502, ...PROXY],
    ['proxy_refused', 502, ...PROXY],
    ['invalid_response', 502, 'http_protocol_error', 'The Cells API gave an answer that is no HTTP'],
    ['connection_lost', 502, 'connection_terminated', 'The Cells API broke the connection'],
  ])('says what %s means: %d %s', (kind, status, proxyError, description) => {
    const error = status === 504 ? 'temporarily_unavailable' : 'server_error';
    const failure = failures.failureOf(new TransportFailure(kind, false, 'CODE'));
    expect(failure).toEqual({ outcome: kind, status, error, proxyError, description });
  });

  it('knows a refused connection, and takes what it does not know for a lost one', () => {
    expect(failures.failureOf(Object.assign(new Error(), { code: 'ECONNREFUSED' }))).toMatchObject({
      outcome: 'connect_failed',
      proxyError: 'connection_refused',
    });
    expect(failures.failureOf(undefined).outcome).toBe('connection_lost');
  });
});
