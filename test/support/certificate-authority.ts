import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  boolean,
  explicit,
  generalizedTime,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  utf8String,
} from './der.js';

/** PEM, as `node:tls` takes them. */
export interface ServerCertificate {
  readonly key: string;
  readonly cert: string;
}

export interface CertificateRequest {
  /** DNS names and IPv4 addresses. Default: `127.0.0.1` and `localhost`. */
  readonly hosts?: readonly string[];
  /** Default: yesterday. */
  readonly notBefore?: Date;
  /** Default: tomorrow. */
  readonly notAfter?: Date;
}

const DAY_MS = 86_400_000;
/** Version 3 is written as 2 (RFC 5280 §4.1.2.1). */
const X509_V3 = 2;
const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));

/** A certificate authority made for one test, so that nothing on the machine trusts it and nothing expires in a checkout. */
export class CertificateAuthority {
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #name = distinguishedName(`Test CA ${randomBytes(4).toString('hex')}`);

  /** PEM: what a client must be given to trust this authority. */
  readonly certificate = this.#certify(this.#name, this.#keys.publicKey, {}, [
    // CA: true, critical; without it a chain that ends here is refused.
    extension('2.5.29.19', sequence(boolean(true)), true),
    extension('2.5.29.15', bitString(Buffer.of(0b0000_0110)), true),
  ]);

  issue(request: CertificateRequest = {}): ServerCertificate {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const hosts = request.hosts ?? ['127.0.0.1', 'localhost'];
    const cert = this.#certify(distinguishedName('authorization server'), publicKey, request, [
      extension('2.5.29.17', sequence(...hosts.map(generalName))),
    ]);
    return { key: pem('PRIVATE KEY', privateKey.export({ type: 'pkcs8', format: 'der' })), cert };
  }

  #certify(subject: Buffer, publicKey: KeyObject, request: CertificateRequest, extensions: Buffer[]): string {
    const { notBefore = new Date(Date.now() - DAY_MS), notAfter = new Date(Date.now() + DAY_MS) } = request;
    const certificate = sequence(
      explicit(0, integer(X509_V3)),
      integer(1, ...randomBytes(15)),
      ECDSA_WITH_SHA256,
      this.#name,
      sequence(generalizedTime(notBefore), generalizedTime(notAfter)),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      explicit(3, sequence(...extensions)),
    );
    const signature = sign('sha256', certificate, this.#keys.privateKey);
    return pem('CERTIFICATE', sequence(certificate, ECDSA_WITH_SHA256, bitString(signature)));
  }
}

const distinguishedName = (commonName: string) =>
  sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(commonName))));

const extension = (id: string, value: Buffer, critical = false) =>
  sequence(objectIdentifier(id), ...(critical ? [boolean(true)] : []), octetString(value));

const generalName = (host: string) =>
  isIP(host) === 4 ? implicit(7, Buffer.from(host.split('.').map(Number))) : implicit(2, Buffer.from(host));

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
