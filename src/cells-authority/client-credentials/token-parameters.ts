import { invalidRequest } from '../errors/oauth-errors.js';

/** The parameters of a token request by their RFC 6749 names. */
export type ParameterName = 'grant_type' | 'client_id' | 'client_secret' | 'scope';

const NAMES: ReadonlyMap<string, ParameterName> = new Map<string, ParameterName>([
  ['client_id', 'client_id'],
  ['client_secret', 'client_secret'],
  ['grant_type', 'grant_type'],
  ['scope', 'scope'],
]);

const FOLDED_NAMES: ReadonlyMap<string, ParameterName> = new Map(
  [...NAMES].map(([name, parameter]) => [fold(name), parameter]),
);

/** The published operation says "Client ID", the SDKs client_id: letter case, spaces, _ and - make no difference. */
function fold(name: string): string {
  return name.toLowerCase().replace(/[\s_-]/g, '');
}

/** The parameters of one source. Repeats are refused, in whatever spelling (RFC 6749 §3.2). */
export class TokenParameters {
  /** As they were sent. Empty values are listed here, although they count as absent (RFC 6749 §3.2). */
  readonly sent: Record<ParameterName, string | undefined> = {
    grant_type: undefined,
    client_id: undefined,
    client_secret: undefined,
    scope: undefined,
  };

  /** Adds the parameters of application/x-www-form-urlencoded text. */
  addForm(text: string): void {
    forEachFormParameter(text, (name, value) => {
      this.add(name, value);
    });
  }

  add(name: string, value: unknown): void {
    const parameter = NAMES.get(name) ?? FOLDED_NAMES.get(fold(name));
    if (parameter === undefined) return;
    if (this.sent[parameter] !== undefined) {
      // It is not known which of the two was meant.
      this.sent[parameter] = '';
      throw invalidRequest(`${parameter} is repeated`);
    }
    if (typeof value !== 'string') throw invalidRequest(`${parameter} must be a string`);
    this.sent[parameter] = value;
  }

  get grantType(): string | undefined {
    return unlessEmpty(this.sent.grant_type);
  }

  get clientId(): string | undefined {
    return unlessEmpty(this.sent.client_id);
  }

  get clientSecret(): string | undefined {
    return unlessEmpty(this.sent.client_secret);
  }

  get scope(): string | undefined {
    return unlessEmpty(this.sent.scope);
  }
}

function unlessEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

/** Splits application/x-www-form-urlencoded text. What cannot be decoded is an error, not a replacement character. */
function forEachFormParameter(text: string, visit: (name: string, value: string) => void): void {
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

/** Decodes one name or value. Throws an OAuth error for a bad escape or bytes that are not UTF-8. */
export function decodeFormComponent(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw invalidRequest('The request has a malformed percent-encoding');
  }
}
