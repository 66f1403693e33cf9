import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { codeBlocks, MARKDOWN_FILES, readMarkdown, ROOT } from './markdown.js';

/** What a block that shows a part of a program may leave to its reader, who knows where it comes from. */
const PACKAGES: Readonly<Record<string, string>> = {
  Injectable: '@nestjs/common',
  Module: '@nestjs/common',
  HttpService: '@nestjs/axios',
  ConfigService: '@nestjs/config',
  Test: '@nestjs/testing',
  AxiosResponse: 'axios',
  firstValueFrom: 'rxjs',
  CellsApiAuthorization: 'cells-authority',
  CellsAuthorityModule: 'cells-authority',
  CellsAuthorityService: 'cells-authority',
};
const VARIABLES: Readonly<Record<string, string>> = {
  authority: "declare const authority: import('cells-authority').CellsAuthorityService;",
  clientId: 'declare const clientId: string;',
  clientSecret: 'declare const clientSecret: string;',
  tenant: "declare const tenant: import('cells-authority').ClientCredentials;",
  AppModule: 'declare class AppModule {}',
};

/** The imports and variables that a block uses and does not have. */
function withheld(code: string): string {
  const declared = declaredNames(code);
  const missing = (name: string) => new RegExp(`\\b${name}\\b`).test(code) && !declared.has(name);
  return [
    ...Object.entries(PACKAGES)
      .filter(([name]) => missing(name))
      .map(([name, from]) => `import { ${name === 'AxiosResponse' ? `type ${name}` : name} } from '${from}';`),
    ...Object.entries(VARIABLES)
      .filter(([name]) => missing(name))
      .map(([, declaration]) => declaration),
  ].join('\n');
}

function declaredNames(code: string): ReadonlySet<string> {
  const names = new Set<string>();
  const bind = (name: ts.BindingName) => {
    if (ts.isIdentifier(name)) names.add(name.text);
    else for (const element of name.elements) if (ts.isBindingElement(element)) bind(element.name);
  };
  for (const statement of ts.createSourceFile('block.ts', code, ts.ScriptTarget.ES2023).statements) {
    if (ts.isClassDeclaration(statement) && statement.name !== undefined) bind(statement.name);
    if (ts.isVariableStatement(statement)) for (const { name } of statement.declarationList.declarations) bind(name);
    if (!ts.isImportDeclaration(statement)) continue;
    const bindings = statement.importClause?.namedBindings;
    if (bindings !== undefined && ts.isNamedImports(bindings)) for (const { name } of bindings.elements) bind(name);
  }
  return names;
}

describe('the TypeScript of README and documentation', () => {
  it('compiles against the library', () => {
    // Virtual files beside the real ones, so that packages are found as a reader's compiler would find them.
    const snippets = new Map(
      MARKDOWN_FILES.flatMap((file) => codeBlocks(file))
        .filter(({ language }) => language === 'ts' || language === 'typescript')
        .map(({ file, line, code }) => [join(ROOT, `${file}.${line}.ts`), `${code}\n${withheld(code)}\nexport {};\n`]),
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
