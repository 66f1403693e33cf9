import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocks, readMarkdown, ROOT } from './markdown.js';

const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))
  .join('\n');

describe.each(['README.md', 'docs/architecture.md', 'docs/decisions.md', 'CONTRIBUTING.md'])('%s', (file) => {
  it('names files that exist', () => {
    const named = [...readMarkdown(file).matchAll(/`((?:src|test|docs|demo|bench|deploy)\/[\w./-]*)`/g)].map(
      ([, path = '']) => path,
    );
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

const { FULL_DOSE_ONLY, SMALL_DOSES } =
  jest.requireActual<Record<'FULL_DOSE_ONLY' | 'SMALL_DOSES', readonly { readonly path: string }[]>>('../full-dose.js');

describe('What `npm test` leaves out', () => {
  const suites = ['src', 'test']
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
    )
    .filter((file) => /\.(?:e2e-)?spec\.ts$/.test(file))
    .sort();
  const full = FULL_DOSE_ONLY.map(({ path }) => path);

  it('is suites that exist', () => {
    expect(full.filter((path) => !suites.includes(path))).toEqual([]);
  });

  it('is listed for each suite that it runs with a small dose', () => {
    const isDosed = (path: string) => /^import \{ dose \}/m.test(readFileSync(join(ROOT, path), 'utf8'));
    const dosed = suites.filter((path) => !full.includes(path) && isDosed(path));
    expect(dosed).toEqual(SMALL_DOSES.map(({ path }) => path));
  });
});

describe('the diagram of the architecture', () => {
  const [diagram] = codeBlocks('docs/architecture.md').filter(({ language }) => language === 'mermaid');

  it('shows classes that exist', () => {
    const classes = [...(diagram?.code ?? '').matchAll(/\[([A-Z]\w+)\]/g)].map(([, name = '']) => name);
    expect(classes.length).toBeGreaterThan(8);
    expect(classes.filter((name) => !new RegExp(`class ${name}\\b`).test(sources))).toEqual([]);
  });

  it('draws an arrow from a class to one whose name its file knows', () => {
    const nodes = new Map(
      [...(diagram?.code ?? '').matchAll(/(\w+)\[([A-Z]\w+)\]/g)].map(([, id = '', name = '']) => [id, name]),
    );
    const arrows = [...(diagram?.code ?? '').matchAll(/^ *(\w+)(?:\[\w+\])? -->(?:\|[^|]*\|)? (\w+)/gm)]
      .map(([, from = '', to = '']) => [nodes.get(from), nodes.get(to)])
      .filter((pair): pair is [string, string] => pair.every((name) => name !== undefined));
    expect(arrows.length).toBeGreaterThan(5);
    expect(arrows.filter(([from, to]) => !fileOf(from).includes(to))).toEqual([]);
  });
});

describe.each([
  ['A form request whose token is kept', 12],
  ['A form request without one', 25],
])('The walk of %s', (heading, most) => {
  const [, text = ''] = readMarkdown('docs/architecture.md').split(`## ${heading}\n`);
  const [section = ''] = text.split('\n## ');
  const steps = [...section.matchAll(/^(\d+)\. `([\w.]+)` in `([\w./-]+)`/gm)].map(([, nth, name = '', file = '']) => ({
    nth: Number(nth),
    name,
    file,
  }));

  it('has its steps in order, and not too many', () => {
    const first = steps[0]?.nth ?? 0;
    expect(steps.length).toBeGreaterThan(10);
    expect(steps.map(({ nth }) => nth)).toEqual(steps.map((_step, i) => first + i));
    expect(steps.at(-1)?.nth).toBeLessThanOrEqual(most);
  });

  it('names functions that their files declare', () => {
    const missing = steps.filter(({ name, file }) => {
      const code = readFileSync(join(ROOT, file), 'utf8');
      const [owner = '', method] = name.split('.');
      const declares = new RegExp(`^(?:export )?(?:async )?(?:function|class) ${owner}\\b`, 'm').test(code);
      return !declares || (method !== undefined && !new RegExp(`^  (?:static |async )*${method}[(<]`, 'm').test(code));
    });
    expect(missing).toEqual([]);
  });
});

function fileOf(className: string): string {
  const file = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))
    .find((text) => new RegExp(`class ${className}\\b`).test(text));
  return file ?? '';
}
