import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';

interface KeySet {
  keys: (JsonWebKey & { kid?: string })[];
}

const decode = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;

/**
 * The claims of a JWT that one of the authorization server's own keys (RS256) signed.
 * @throws when none did.
 */
export async function verifiedClaims(jwksUrl: string, token: string): Promise<Record<string, unknown>> {
  const { keys } = (await (await fetch(jwksUrl)).json()) as KeySet;
  const [header, claims, signature] = token.split('.');
  const key = keys.find(({ kid }) => kid === decode(header).kid);
  if (!key || !signature) throw new Error('not a token of this authorization server');

  const publicKey = createPublicKey({ key, format: 'jwk' });
  const signed = Buffer.from(`${String(header)}.${String(claims)}`);
  if (!verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url'))) {
    throw new Error('the signature of this token is wrong');
  }
  return decode(claims);
}
