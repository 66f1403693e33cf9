import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import { Logger } from '@nestjs/common';

/** Options for `tls.connect` that verify who a secret is sent to. */
export type VerifiedTls = Readonly<
  Required<Pick<ConnectionOptions, 'rejectUnauthorized' | 'checkServerIdentity' | 'minVersion'>> &
    Pick<ConnectionOptions, 'ca'>
>;

/**
 * Verifies the certificate and its host name, whatever the environment of the process says:
 * `NODE_TLS_REJECT_UNAUTHORIZED` and `--tls-min-v1.0` are only defaults, which these options override.
 *
 * @param ca PEM text of the certificate authorities to trust; absent: Node's own.
 */
export function verifiedTls(ca: string | undefined): VerifiedTls {
  return {
    rejectUnauthorized: true,
    checkServerIdentity,
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
  };
}

/** What can be wrong with TLS. A closed set, fit for metric labels. `tls_failed`: anything but the certificate. */
export type TlsTrouble = 'certificate_expired' | 'certificate_untrusted' | 'certificate_wrong_host' | 'tls_failed';

const NOT_IN_FORCE = /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/;
const WRONG_HOST = /^(?:ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/;
const UNTRUSTED = /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|PATH_LENGTH_EXCEEDED)/;
const OTHER_TLS = /^(?:ERR_TLS_|ERR_SSL_|EPROTO)/;

/** What was wrong with TLS, by the code of Node's error; `undefined` when it was something else. */
export function tlsTroubleOf(code: string): TlsTrouble | undefined {
  if (NOT_IN_FORCE.test(code)) return 'certificate_expired';
  if (WRONG_HOST.test(code)) return 'certificate_wrong_host';
  if (UNTRUSTED.test(code)) return 'certificate_untrusted';
  return OTHER_TLS.test(code) ? 'tls_failed' : undefined;
}

/** Warns that `NODE_TLS_REJECT_UNAUTHORIZED=0` has no effect here. */
export function warnOfDisabledVerification(): void {
  if (process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0') return;
  new Logger('CellsAuthority').warn(
    'NODE_TLS_REJECT_UNAUTHORIZED=0 is ignored: certificates of the authorization server and of Redis are verified. ' +
      'To trust a private certificate authority, set upstreamCaFile (UPSTREAM_CA_FILE) or "ca" in redisUrl (REDIS_URL)',
  );
}

const BEGIN = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g;
const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[\s\S]+?-----END \1-----/g;

/**
 * Reads a PEM file of certificate authorities. Given a text without certificates, Node would trust its own, so there
 * must be at least one, and each must be complete.
 *
 * @throws Error when the file cannot be read or used. Its contents are not quoted.
 */
export function readCertificateAuthorities(file: string): string {
  return certificatesOf(readFileSync(file, 'utf8'));
}

/** The text, if {@link readCertificateAuthorities} accepts it. @throws Error otherwise. */
export function certificatesOf(pem: string): string {
  const certificates = pem.match(CERTIFICATE) ?? [];
  if (certificates.length === 0 || certificates.length !== pem.match(BEGIN)?.length) {
    throw new Error('no complete PEM certificates');
  }
  for (const certificate of certificates) new X509Certificate(certificate);
  return pem;
}

/** Whether {@link readCertificateAuthorities} can use a file. */
export function isCertificateFile(file: string): boolean {
  try {
    return readCertificateAuthorities(file) !== '';
  } catch {
    return false;
  }
}

/** Whether client secrets may be sent to a URL: HTTPS anywhere, plain HTTP only to this machine. */
export function isTokenUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
