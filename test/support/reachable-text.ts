/**
 * Every string and byte that can be reached from a value by its properties, symbols and hidden ones included. Each
 * object is visited once, so that it ends on graphs which `util.inspect` would print for minutes.
 */
export function reachableText(value: unknown): string {
  const visited = new Set<object>();
  const texts: string[] = [];
  const queue = [value];
  for (let next = queue.pop(); queue.length > 0 || next !== undefined; next = queue.pop()) {
    if (typeof next === 'string') texts.push(next);
    if (!isObject(next) || visited.has(next)) continue;
    visited.add(next);
    if (ArrayBuffer.isView(next))
      texts.push(Buffer.from(next.buffer, next.byteOffset, next.byteLength).toString('latin1'));
    else queue.push(...membersOf(next));
  }
  return texts.join('\n');
}

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

function membersOf(value: object): unknown[] {
  const entries = value instanceof Map || value instanceof Set ? [...value].flat() : [];
  return [...entries, ...Reflect.ownKeys(value).map((key) => read(value, key))];
}

/** Some getters throw. */
function read(value: object, key: PropertyKey): unknown {
  try {
    return Reflect.get(value, key) as unknown;
  } catch {
    return undefined;
  }
}
