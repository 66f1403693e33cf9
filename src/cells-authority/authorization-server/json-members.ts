/** Where a member's value stands in a JSON text. */
export interface MemberSpan {
  readonly start: number;
  readonly end: number;
}

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+)/gy;

/**
 * Finds the values of all top-level members of that name in a valid JSON object, so that one can be replaced without
 * touching any other byte. Members whose value is an object or array are left out.
 */
export function locateMembers(json: string, name: string): MemberSpan[] {
  return locatePlainMember(json, name) ?? locateByTokens(json, name);
}

const VALUE = /\s*:\s*([^\s{}[\]:,"]+)/y;

/**
 * A fast path for usual token responses. If the text has no backslash and the quoted name occurs once, before any
 * nested object and followed by a plain value, then it is a top-level member.
 */
function locatePlainMember(json: string, name: string): MemberSpan[] | undefined {
  const quoted = `"${name}"`;
  const at = json.indexOf(quoted);
  if (at === -1 || json.includes(quoted, at + 1) || json.includes('\\')) return undefined;
  const nested = json.indexOf('{', json.indexOf('{') + 1);
  if (nested !== -1 && nested < at) return undefined;
  VALUE.lastIndex = at + quoted.length;
  const value = VALUE.exec(json)?.[1];
  return value === undefined ? undefined : [{ start: VALUE.lastIndex - value.length, end: VALUE.lastIndex }];
}

function locateByTokens(json: string, name: string): MemberSpan[] {
  const spans: MemberSpan[] = [];
  let depth = 0;
  let key: string | undefined;
  let awaitsValue = false;
  for (const match of json.matchAll(TOKEN)) {
    const token = match[1] ?? '';
    const end = match.index + match[0].length;
    if (token === '{' || token === '[') {
      depth += 1;
      awaitsValue = false;
    } else if (token === '}' || token === ']') {
      depth -= 1;
    } else if (token === ':') {
      awaitsValue = depth === 1;
    } else if (token === ',') {
      key = undefined;
    } else if (awaitsValue) {
      if (key === name) spans.push({ start: end - token.length, end });
      awaitsValue = false;
      key = undefined;
    } else if (depth === 1) {
      key = String(JSON.parse(token));
    }
  }
  return spans;
}
