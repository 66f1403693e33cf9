import { Environment, ENVIRONMENT_NAMES, readEnvironment } from '../../src/config/environment.js';
import { readMarkdown } from './markdown.js';

/** The rows of all tables whose first cell is a variable, or several. */
function tableOf(file: string): Map<string, string> {
  const rows = [...readMarkdown(file).matchAll(/^\| (`[A-Z][A-Z_]+`(?:, `[A-Z_]+`)*) +\| ([^|]*)\|/gm)];
  return new Map(
    rows.flatMap(([, names = '', defaults = '']) => {
      const values = defaults.trim() === '' ? [] : defaults.trim().split(/, /);
      return names.split(', ').map((name, index): [string, string] => [unquoted(name), unquoted(values[index] ?? '')]);
    }),
  );
}

const unquoted = (text: string) => text.trim().replace(/^`|`$/g, '');

describe.each(['docs/configuration.md'])('the environment in %s', (file) => {
  const table = tableOf(file);

  it('lists each variable there is and no other', () => {
    expect([...table.keys()].sort()).toEqual([...ENVIRONMENT_NAMES].sort());
  });

  it('gives the defaults that apply', () => {
    const defaults = new Environment();
    for (const name of ENVIRONMENT_NAMES) {
      expect({ name, value: table.get(name) }).toEqual({ name, value: String(defaults[name] ?? '') });
    }
  });
});

describe('what docs/configuration.md says is allowed', () => {
  const ranges = [
    ...readMarkdown('docs/configuration.md').matchAll(/^\| `([A-Z_]+)` +\|[^|]*\| ([\d ]+)\.\.([\d ]+?) +\|/gm),
  ].map(([, name = '', least = '', most = '']) => ({
    name,
    least: Number(least.replaceAll(' ', '')),
    most: Number(most.replaceAll(' ', '')),
  }));

  it('covers all numbers', () => {
    const numbers = Object.entries(new Environment())
      .filter(([, value]) => typeof value === 'number')
      .map(([name]) => name);
    expect(ranges.map(({ name }) => name).sort()).toEqual([...numbers, 'TOKEN_MAX_AGE_S'].sort());
  });

  it.each(ranges)('$name is from $least to $most', ({ name, least, most }) => {
    for (const value of [least, most]) expect(() => readEnvironment({ [name]: String(value) })).not.toThrow();
    for (const value of [least - 1, most + 1]) {
      expect(() => readEnvironment({ [name]: String(value) })).toThrow(name);
    }
  });
});
