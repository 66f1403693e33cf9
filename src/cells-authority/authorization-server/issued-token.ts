import { locateMembers } from './json-members.js';

/** A longer lifetime than a year is taken for an error. */
const LONGEST_LIFETIME_S = 31_536_000;

/** A token response (RFC 6749 §5.1) with the text that upstream sent, in which only `expires_in` is ever replaced. */
export class IssuedToken {
  #bytesBeyondLength: number | undefined;

  private constructor(
    readonly accessToken: string,
    /** Seconds the token lives from its issue; `undefined` when upstream did not say: such a token must not be kept. */
    readonly lifetime: number | undefined,
    /** The token response as upstream sent it, `expires_in` as a JSON integer. */
    readonly text: string,
    private readonly head: string,
    private readonly tail: string,
  ) {}

  /** Reads a token response; `undefined` when the text is not one. */
  static parse(text: string): IssuedToken | undefined {
    const response = parseObject(text);
    if (response === undefined) return undefined;
    const { access_token: accessToken, token_type: tokenType, expires_in: expiresIn } = response;
    if (!isAccessToken(accessToken) || !isNonEmptyString(tokenType)) return undefined;
    const members = locateMembers(text, 'expires_in');
    const [member] = members;
    const seconds = toSeconds(expiresIn);
    if (member === undefined || members.length > 1 || seconds === undefined) {
      return new IssuedToken(accessToken, undefined, text, text, '');
    }
    const lifetime = seconds >= 1 && seconds <= LONGEST_LIFETIME_S ? seconds : undefined;
    const head = text.slice(0, member.start);
    const tail = text.slice(member.end);
    const isInteger = text.slice(member.start, member.end) === String(seconds);
    return new IssuedToken(accessToken, lifetime, isInteger ? text : `${head}${seconds}${tail}`, head, tail);
  }

  /** The token response with this many seconds left. */
  textWithExpiresIn(seconds: number): string {
    return `${this.head}${seconds}${this.tail}`;
  }

  /** Bytes of any of these texts in UTF-8. Not counted per text: that would make V8 join the parts of the string. */
  bytesOf(text: string): number {
    // What is replaced is ASCII in every text.
    this.#bytesBeyondLength ??= Buffer.byteLength(this.text) - this.text.length;
    return text.length + this.#bytesBeyondLength;
  }

  /** Approximate bytes that this token takes in memory. */
  get size(): number {
    const bytesPerCharacter = this.bytesOf('') === 0 ? 1 : 2;
    return bytesPerCharacter * 2 * this.text.length + this.accessToken.length;
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 6749 appendix A.12. Any other could not be sent in a header. */
function isAccessToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x20-\x7e]+$/.test(value);
}

function isNonEmptyString(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Reads a number or a numeric string as an integer; real servers send both. `undefined` leaves the text unchanged. */
function toSeconds(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return undefined;
  const seconds = Math.floor(number);
  return Number.isSafeInteger(seconds) ? seconds : undefined;
}
