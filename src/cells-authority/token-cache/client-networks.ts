import { isIPv4, isIPv6 } from 'node:net';

/** Some proxies write `1.2.3.4:5678` and `[2001:db8::1]:5678` into X-Forwarded-For. */
const WITH_PORT = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d*)?$/;
/** IPv4 addresses inside IPv6 ones: mapped (RFC 4291 §2.5.5.2) and behind NAT64 (RFC 6052 §2.1). */
const EMBEDDED_IPV4 = /^(?:0:0:0:0:0:ffff|64:ff9b:0:0:0:0):([\da-f]+):([\da-f]+)$/;

/**
 * The networks that a client's address belongs to, narrowest first, in normalised spelling. An IPv4 address is one
 * client. A client with one IPv6 address has 2^64 of them, and often 2^16 such networks, so IPv6 is counted by /64 and
 * by /48. Everything that is not an address counts as one client, `unknown`.
 */
export function clientNetworks(address: string): readonly [narrowest: string, ...wider: string[]] {
  const [, bracketed, plain] = WITH_PORT.exec(address.trim()) ?? [];
  const host = (bracketed ?? plain ?? address.trim()).split('%')[0] ?? '';
  if (isIPv4(host)) return [host];
  if (!isIPv6(host)) return ['unknown'];
  const groups = groupsOf(host);
  const [, high, low] = EMBEDDED_IPV4.exec(groups.join(':')) ?? [];
  if (high !== undefined && low !== undefined) return [dotted(high, low)];
  return [`${groups.slice(0, 4).join(':')}::/64`, `${groups.slice(0, 3).join(':')}::/48`];
}

/** The eight groups of a valid IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  const hexadecimal = address.toLowerCase().replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = '', tail = ''] = hexadecimal.split('::');
  const [before, after] = [head, tail].map((part) => (part === '' ? [] : part.split(':')));
  const known = [...(before ?? []), ...(after ?? [])].length;
  const zeros = Array<string>(8 - known).fill('0');
  return [...(before ?? []), ...zeros, ...(after ?? [])].map((group) => Number.parseInt(group, 16).toString(16));
}

function dotted(high: string, low: string): string {
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [first >> 8, first & 255, second >> 8, second & 255].join('.');
}
