import { invalidRequest } from '../errors/oauth-errors.js';

/** Splits application/x-www-form-urlencoded text strictly: what cannot be decoded is an error, not a replacement character. */
export function forEachFormParameter(text: string, visit: (name: string, value: string) => void): void {
  for (let start = 0; start < text.length;) {
    const ampersand = text.indexOf('&', start);
    const end = ampersand === -1 ? text.length : ampersand;
    if (end > start) {
      const equals = text.indexOf('=', start);
      const nameEnd = equals === -1 || equals > end ? end : equals;
      visit(decodeFormComponent(text.slice(start, nameEnd)), decodeFormComponent(text.slice(nameEnd + 1, end)));
    }
    start = end + 1;
  }
}

/** Decodes one name or value; throws an OAuth error for a bad escape or bytes that are not UTF-8. */
export function decodeFormComponent(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw invalidRequest('The request has a malformed percent-encoding');
  }
}
