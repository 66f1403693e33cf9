import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoClient } from '../../demo/demo-client.js';
import { instructions } from '../../demo/instructions.js';
import { codeBlocks, MARKDOWN_FILES, readMarkdown, ROOT } from './markdown.js';

const blocks = MARKDOWN_FILES.flatMap(codeBlocks).filter(({ language }) => /^(?:sh|bash|shell)$/.test(language));
const lines = blocks.flatMap(({ file, code }) =>
  code
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => ({ file, line })),
);
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

describe('the shell lines of README and documentation', () => {
  it.each(blocks)('$file:$line is shell', ({ code }) => {
    expect(() => execFileSync('bash', ['-n'], { input: code, stdio: 'pipe' })).not.toThrow();
  });

  it('run scripts that the package has', () => {
    const run = lines.flatMap(({ line }) =>
      [...line.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map(([, named, short]) => named ?? short ?? ''),
    );
    expect(run).toEqual(expect.arrayContaining(['demo', 'build', 'start', 'test', 'bench']));
    expect(run.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  it('name files of the project that exist', () => {
    const named = lines.flatMap(
      ({ line }) => line.match(/(?<![\w./-])(?:src|test|deploy|demo|bench|docs)\/[\w./-]+/g) ?? [],
    );
    const found = (path: string) => existsSync(join(ROOT, path)) || existsSync(join(ROOT, `${path}.e2e-spec.ts`));
    expect(named.filter((path) => !found(path))).toEqual([]);
  });

  it('install the project from its folder or its archive: no registry has it', () => {
    const installed = lines.filter(({ line }) => /\bnpm (?:i|install|add)\b.*\bcells-authority(?:\s|$)/.test(line));
    expect(installed).toEqual([]);
    expect(lines.map(({ line }) => line)).toContain('npm install "$archive"');
  });

  it('begin with what the demo prints: the first token of README is one of its lines', () => {
    const printed = instructions('http://127.0.0.1:3000', demoClient)
      .split('\n')
      .map((line) => line.trim());
    const curl = lines
      .filter(({ file, line }) => file === 'README.md' && line.startsWith('curl '))
      .map(({ line }) => line);
    expect(curl).toHaveLength(1);
    expect(printed).toEqual(expect.arrayContaining(curl));
    expect(readMarkdown('README.md')).toContain('npm ci\nnpm run demo\n');
  });
});

describe('the page of the command line', () => {
  it('has every command of the program, and no other', () => {
    const commands = (text: string) => [
      ...text.matchAll(/\bcells-authority (\[start\]|--?[a-z][\w-]*|[a-z]+)(?: [A-Z]+)?(?= {2,}|`)/g),
    ];
    const documented = commands(readMarkdown('docs/command-line.md')).map(([, command]) => command);
    const usage = readFileSync(join(ROOT, 'src/cli/usage.ts'), 'utf8');
    const existing = [...usage.matchAll(/^ {2}cells-authority (\S+)/gm)].map(([, command]) => command);
    expect(existing).toContain('token');
    expect(documented.sort()).toEqual(existing.sort());
  });
});

describe('package.json', () => {
  it('names one repository, which nothing else names: a fork changes these three lines', () => {
    const text = readFileSync(join(ROOT, 'package.json'), 'utf8');
    const { repository, homepage, bugs } = JSON.parse(text) as Record<'repository' | 'homepage' | 'bugs', string>;
    const url = repository.replace(/^github:/, 'https://github.com/');
    expect({ homepage, bugs }).toEqual({ homepage: `${url}#readme`, bugs: `${url}/issues` });
    expect(MARKDOWN_FILES.filter((file) => readMarkdown(file).includes(url))).toEqual([]);
  });
});
