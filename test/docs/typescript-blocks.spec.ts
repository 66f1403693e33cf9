import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { codeBlocks, MARKDOWN_FILES, readMarkdown, ROOT } from './markdown.js';

describe('the TypeScript of README and documentation', () => {
  it('compiles against the library, each block as it stands', () => {
    // Virtual files beside the real ones, so that packages are found as for a reader's compiler.
    const snippets = new Map(
      MARKDOWN_FILES.flatMap((file) => codeBlocks(file))
        .filter(({ language }) => language === 'ts' || language === 'typescript')
        .map(({ file, line, code }) => {
          // Those that name their path belong together.
          const [, path] = /^\/\/ (\S+\/\S+)\n/.exec(code) ?? [];
          return [
            join(ROOT, path === undefined ? `${file}.${line}.ts` : `docs/guide/${path}`),
            `${code}\nexport {};\n`,
          ];
        }),
    );
    expect(snippets.size).toBeGreaterThan(0);
    expect(diagnose(snippets)).toEqual([]);
  });
});

it('lists every event that an observer gets, with its members', () => {
  const source = readFileSync(join(ROOT, 'src/cells-authority/authority-observer.ts'), 'utf8');
  const events = [...source.matchAll(/readonly type: '(\w+)'([^}]*)/g)].map(([, type = '', rest = '']) => [
    type,
    [...rest.matchAll(/readonly (\w+)/g)].map(([, member]) => member),
  ]);
  const listed = [...readMarkdown('docs/module.md').matchAll(/^\| `(\w+)` \|((?: `\w+`,?)*) \| [^|`]+ \|$/gm)]
    .filter(([, name = '']) => source.includes(`readonly type: '${name}'`))
    .map(([, type = '', members = '']) => [type, [...members.matchAll(/\w+/g)].map(([member]) => member)]);
  expect(events.length).toBeGreaterThan(5);
  expect(listed.sort()).toEqual(events.sort());
});

function diagnose(files: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const host = ts.createCompilerHost({ ...options });
  const { directoryExists, fileExists, readFile, getSourceFile } = host;
  host.directoryExists = (path) => path.includes('/docs/guide') || (directoryExists?.(path) ?? true);
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const text = files.get(path);
    return text === undefined
      ? getSourceFile(path, languageVersion, ...rest)
      : ts.createSourceFile(path, text, languageVersion, true);
  };
  const paths = { 'cells-authority': [join(ROOT, 'src/cells-authority/index.ts')] };
  const program = ts.createProgram([...files.keys()], { ...options, paths, noEmit: true }, host);
  return [...files.keys()]
    .flatMap((path) => ts.getPreEmitDiagnostics(program, program.getSourceFile(path)))
    .map(({ file, messageText }) => `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
}
