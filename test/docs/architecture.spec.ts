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

function fileOf(className: string): string {
  const file = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))
    .find((text) => new RegExp(`class ${className}\\b`).test(text));
  return file ?? '';
}
