/** Where a member's value stands in a JSON text. */
export interface MemberSpan {
  readonly start: number;
  readonly end: number;
}

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+)/gy;

/**
 * Finds the values of all top-level members of that name in a valid JSON object, so that one of them can be exchanged
 * and every other byte left as it was. Members whose value is an object or array are not counted.
 */
export function locateMembers(json: string, name: string): MemberSpan[] {
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
