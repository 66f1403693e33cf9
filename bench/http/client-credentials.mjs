import { createHash } from 'node:crypto';

/** The credentials of the nth client: a UUID and 32 hexadecimal digits, as Aspose hands them out. */
export function clientCredentials(n) {
  const digits = createHash('sha256').update(`client ${n}`).digest('hex');
  const clientId = [8, 12, 16, 20, 32].map((end, part) => digits.slice([0, 8, 12, 16, 20][part], end)).join('-');
  return { clientId, clientSecret: digits.slice(32) };
}
