/** The few ASN.1 DER types an X.509 certificate is made of (ITU-T X.690). */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), length(content.length), content]);
}

function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes);
  const digits = Buffer.from(bytes.toString(16).padStart(bytes > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.of(0x80 | digits.length), digits]);
}

export const sequence = (...items: Buffer[]) => der(0x30, ...items);
export const set = (...items: Buffer[]) => der(0x31, ...items);
export const boolean = (value: boolean) => der(0x01, Buffer.of(value ? 0xff : 0));
export const octetString = (bytes: Buffer) => der(0x04, bytes);
/** Whole bytes only: the leading 0 is the number of unused bits. */
export const bitString = (bytes: Buffer) => der(0x03, Buffer.of(0), bytes);
export const utf8String = (text: string) => der(0x0c, Buffer.from(text));

/** From the digits of a positive number, most significant byte first and not 0. */
export const integer = (...digits: number[]) =>
  // A number whose first bit is set would be negative without a 0 before it.
  der(0x02, Buffer.from((digits[0] ?? 0) >= 0x80 ? [0, ...digits] : digits));

/** Explicitly tagged [n]. */
export const explicit = (n: number, item: Buffer) => der(0xa0 | n, item);
/** Implicitly tagged primitive [n]. */
export const implicit = (n: number, bytes: Buffer) => der(0x80 | n, bytes);

export const generalizedTime = (at: Date) =>
  der(0x18, Buffer.from(`${at.toISOString().replaceAll(/[-:T]|\.\d+Z/g, '')}Z`));

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...arcs] = dotted.split('.').map(Number);
  return der(0x06, Buffer.concat([first * 40 + second, ...arcs].map(base128)));
}

function base128(arc: number): Buffer {
  const digits = [arc & 0x7f];
  for (let rest = arc >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return Buffer.from(digits);
}
