import { join } from 'node:path';
import ts from 'typescript';
import { codeBlocks, MARKDOWN_FILES, ROOT } from './markdown.js';

describe('the TypeScript of README and documentation', () => {
  it('compiles against the library', () => {
    // Virtual files beside the real ones, so that packages are found as a reader's compiler would find them.
    const snippets = new Map(
      MARKDOWN_FILES.flatMap((file) => codeBlocks(file))
        .filter(({ language }) => language === 'ts' || language === 'typescript')
        .map(({ file, line, code }) => [join(ROOT, `${file}.${line}.ts`), `${code}\nexport {};\n`]),
    );
    expect(snippets.size).toBeGreaterThan(0);
    expect(diagnose(snippets)).toEqual([]);
  });
});

function diagnose(files: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const host = ts.createCompilerHost({ ...options });
  const { fileExists, readFile, getSourceFile } = host;
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
