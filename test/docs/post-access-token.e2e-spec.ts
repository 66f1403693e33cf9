import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LANGUAGES } from '../../src/docs/translations/languages.js';
import { startCellsStandIn } from '../support/cells-stand-in.js';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js';
import { type RunningService, startService } from '../support/service.js';
import { installedProgram, mustRun } from './installed-program.js';
import { frenchSpacingMistakes, languageOf } from './language-of.js';
import { codeBlocks, type CodeBlock, prose, readMarkdown, ROOT } from './markdown.js';

const ENGLISH = 'docs/post-access-token.md';
const pageIn = (language: string) => (language === 'en' ? ENGLISH : `docs/post-access-token.${language}.md`);
const TRANSLATIONS = Object.keys(LANGUAGES).filter((language) => language !== 'en');
const DEMO_ORIGIN = 'http://127.0.0.1:3000';
const OPERATION = '/v4.0/cells/connect/token';
const TOKEN = /^ey[\w-]+\.[\w-]+\.[\w-]+$/;

/** How the code of a language is run, and how it is only parsed. */
const INTERPRETERS: readonly Interpreter[] = [
  { language: 'js', program: 'node', run: [], parse: ['--check'], file: 'get-token.mjs' },
  { language: 'python', program: 'python3', run: [], parse: ['-m', 'py_compile'], file: 'get-token.py' },
  { language: 'java', program: 'java', run: [], file: 'Token.java' },
  { language: 'go', program: 'go', run: ['run'], parser: 'gofmt', parse: ['-e'], file: 'get-token.go' },
  { language: 'php', program: 'php', run: [], parse: ['-l'], file: 'get-token.php' },
  { language: 'ruby', program: 'ruby', run: [], parse: ['-c'], file: 'get-token.rb' },
  { language: 'perl', program: 'perl', run: [], file: 'get-token.pl' },
];

interface Interpreter {
  readonly language: string;
  readonly program: string;
  readonly run: readonly string[];
  /** What makes `program`, or `parser`, only parse; absent where parsing needs the SDK's own files. */
  readonly parse?: readonly string[];
  readonly parser?: string;
  readonly file: string;
}

const blocks = codeBlocks(ENGLISH);
const withSdk = blocks.filter(({ section }) => section === 'Use Aspose.Cells Cloud SDKs');
const withoutSdk = blocks.filter(({ section }) => section === 'Without an SDK');
const curlLines = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ code }) => code.trim().split('\n'))
  .filter((line) => line.startsWith('curl '));

describe('the code of the page', () => {
  let authorizationServer: OidcProvider;
  let service: RunningService;
  let folder: string;

  beforeAll(async () => {
    authorizationServer = await startOidcProvider();
    service = await startService({ UPSTREAM_TOKEN_URL: authorizationServer.tokenUrl });
    folder = mkdtempSync(join(tmpdir(), 'token-lines-'));
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await service.close();
    await authorizationServer.close();
  });

  const here = (code: string) => code.replaceAll(DEMO_ORIGIN, service.origin);

  async function run(program: string, parameters: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const { clientId, clientSecret } = authorizationServer.client;
    const env = { ...process.env, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret, ...environment };
    try {
      return {
        failed: false,
        ...(await promisify(execFile)(program, parameters, { cwd: folder, env, timeout: 110_000 })),
      };
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      return { failed: true, stdout, stderr };
    }
  }

  (mustRun(installedProgram('curl')) ? it : it.skip).each(curlLines)('%s', async (line) => {
    const { stdout } = await run('bash', ['-c', here(line)]);
    const token = stdout.startsWith('{')
      ? (JSON.parse(stdout) as { access_token: string }).access_token
      : stdout.trim();
    expect(token).toMatch(TOKEN);
  });

  (mustRun(installedProgram('curl')) ? it : it.skip)('curl shows an error, and prints nothing else', async () => {
    const [line = ''] = curlLines.filter((candidate) => candidate.includes('| sed '));
    const { stdout, stderr } = await run('bash', ['-c', here(line)], { CLIENT_SECRET: '' });
    expect(stdout).toBe('');
    expect(stderr).toMatch(/400/);
  });

  describe.each(INTERPRETERS)('in $language', ({ language, program, run: parameters, file }) => {
    const path = installedProgram(program);
    const [block] = withoutSdk.filter((candidate) => candidate.language === language);

    (mustRun(path) ? it : it.skip)(
      'without an SDK prints the token, or ends with the error',
      async () => {
        if (path === undefined) throw new Error(`${program} is not installed`);
        writeFileSync(join(folder, file), here(block?.code ?? ''));
        const good = await run(path, [...parameters, file]);
        expect({ stderr: good.stderr, token: good.stdout.trim() }).toEqual({
          stderr: expect.any(String) as string,
          token: expect.stringMatching(TOKEN) as string,
        });
        const bad = await run(path, [...parameters, file], { CLIENT_SECRET: '' });
        expect(bad).toEqual({
          failed: true,
          stdout: '',
          stderr: expect.stringContaining('client_secret is missing') as string,
        });
        // Go's first run on a machine compiles what it needs.
      },
      120_000,
    );
  });

  describe.each(INTERPRETERS.filter(({ parse }) => parse !== undefined))(
    'in $language',
    ({ language, program, parser = program, parse = [], file: name }) => {
      const path = installedProgram(parser);

      (mustRun(path) ? it : it.skip)('with an SDK is well-formed', async () => {
        const [block] = withSdk.filter((candidate) => candidate.language === language);
        const file = join(folder, `with-sdk-${name}`);
        writeFileSync(file, block?.code ?? 'absent (');
        expect(await run(path ?? parser, [...parse, file])).toMatchObject({ failed: false });
      });
    },
  );
});

describe('the parameters', () => {
  const rows = tableRows(ENGLISH).filter(({ cells }) => cells[1] === '`string`');
  let authorizationServer: OidcProvider;
  let service: RunningService;

  beforeAll(async () => {
    authorizationServer = await startOidcProvider();
    service = await startService({ UPSTREAM_TOKEN_URL: authorizationServer.tokenUrl });
  });

  afterAll(async () => {
    await service.close();
    await authorizationServer.close();
  });

  it('are accepted in every spelling of the table, in the query and in a body', async () => {
    const { clientId, clientSecret } = authorizationServer.client;
    const values: Record<string, string> = {
      clientid: clientId,
      clientsecret: clientSecret,
      granttype: 'client_credentials',
      scope: '',
    };
    const spellings = rows.map(({ cells }) =>
      [...`${cells[0] ?? ''} ${cells[3] ?? ''}`.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
    );
    expect(spellings.map(([name]) => name)).toEqual(['Client ID', 'Client Secret', 'grant_type', 'scope']);
    for (let variant = 0; variant < Math.max(...spellings.map(({ length }) => length)); variant += 1) {
      const sent = spellings.map((names): [string, string] => {
        const name = names[Math.min(variant, names.length - 1)] ?? '';
        return [name, values[name.toLowerCase().replace(/[\s_-]/g, '')] ?? ''];
      });
      const parameters = new URLSearchParams(sent);
      const byQuery = await fetch(`${service.origin}${OPERATION}?${parameters.toString()}`, { method: 'POST' });
      const byForm = await fetch(service.origin + OPERATION, { method: 'POST', body: parameters });
      const byJson = await fetch(service.origin + OPERATION, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(Object.fromEntries(sent)),
      });
      expect({ sent, statuses: [byQuery, byForm, byJson].map(({ status }) => status) }).toEqual({
        sent,
        statuses: [200, 200, 200],
      });
    }
  });
});

describe('the Node.js SDK from npm', () => {
  it('uploads a file when its base URL is this service', async () => {
    const folder = mkdtempSync(join(ROOT, 'node_modules', '.sdk-lines-'));
    const authorizationServer = await startOidcProvider();
    const cellsApi = await startCellsStandIn(authorizationServer);
    const service = await startService({
      UPSTREAM_TOKEN_URL: authorizationServer.tokenUrl,
      CELLS_API_URL: cellsApi.origin,
    });
    try {
      const [block] = withSdk.filter(({ language }) => language === 'js');
      writeFileSync(join(folder, 'upload.mjs'), (block?.code ?? '').replaceAll(DEMO_ORIGIN, service.origin));
      writeFileSync(join(folder, 'Book1.xlsx'), 'the bytes of a workbook');
      const { clientId, clientSecret } = authorizationServer.client;
      const { stdout } = await promisify(execFile)('node', ['upload.mjs'], {
        cwd: folder,
        env: { ...process.env, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret },
        timeout: 60_000,
      });
      expect(stdout).toBe("[ 'Book1.xlsx' ]\n");

      const form = { client_id: clientId, client_secret: clientSecret };
      const answer = await fetch(service.origin + OPERATION, { method: 'POST', body: new URLSearchParams(form) });
      const { access_token: token } = (await answer.json()) as { access_token: string };
      const file = await fetch(`${service.origin}/v4.0/cells/storage/file/Book1.xlsx`, {
        headers: { Authorization: `Bearer ${token}` },
      });
      expect(await file.text()).toBe('the bytes of a workbook');
    } finally {
      await service.close();
      await Promise.all([cellsApi.close(), authorizationServer.close()]);
      rmSync(folder, { recursive: true });
    }
  }, 120_000);
});

/** What a reader of Aspose's page "Get Access Token with Client ID and Secret" must find again, in any language. */
const PUBLISHED = {
  'the address of Aspose Cloud': 'POST https://api.aspose.cloud/v4.0/cells/connect/token',
  'the address of this service': `POST ${DEMO_ORIGIN}${OPERATION}`,
  'the Client ID, its type and its place': /^\| `Client ID` \| `string` \| `query` .*`client_id`.*`clientId`/m,
  'the Client Secret, its type and its place':
    /^\| `Client Secret` \| `string` \| `query` .*`client_secret`.*`clientSecret`/m,
  'the published sample of a response':
    '[{ "Name": "String", "DataType": { "Identifier": "String", "Name": "string" } }]',
  'a real response': /"access_token": .*"token_type": "bearer".*"expires_in": 86400/,
  'the OpenAPI specification of Aspose':
    '(https://reference.aspose.cloud/cells/#/CellsAuthorityController/PostAccessToken)',
  'the OpenAPI specification of this service': `${DEMO_ORIGIN}/cells/#/CellsAuthorityController/PostAccessToken`,
  'a section about the OpenAPI specification': /^## .*OpenAPI/m,
  'a section about the SDKs': /^## .*SDK.*Aspose\.Cells Cloud|^## .*Aspose\.Cells Cloud.*SDK/m,
  'all SDKs on GitHub': '(https://github.com/aspose-cells-cloud)',
  'where the credentials come from': '(https://dashboard.aspose.cloud/)',
};
/** That the operation is a proxy, forwards to the authentication server and returns the token securely. */
const PROXY_SENTENCE: Readonly<Record<string, RegExp>> = {
  en: /acts as a proxy: it forwards your request to the Aspose Cloud authentication server and returns .* securely\./,
  es: /[Aa]ctúa como proxy: reenvía .* al servidor de autenticación de Aspose Cloud y .* de forma segura\./,
  fr: /joue le rôle de proxy\u00a0: elle transmet .* au serveur d’authentification d’Aspose Cloud et .* de façon sécurisée\./,
  it: /[Ff]unge da proxy: inoltra .* al server di autenticazione di Aspose Cloud e .* in modo sicuro\./,
  ru: /работает как прокси: .* серверу аутентификации Aspose Cloud и безопасно возвращает/,
};

describe.each(Object.keys(LANGUAGES))('the page in %s', (language) => {
  it.each(Object.entries(PUBLISHED))('has %s', (_what, published) => {
    const page = readMarkdown(pageIn(language));
    if (typeof published === 'string') expect(page).toContain(published);
    else expect(page).toMatch(published);
  });

  it('says that the operation is a proxy', () => {
    expect(readMarkdown(pageIn(language))).toMatch(PROXY_SENTENCE[language] ?? /(?!)/);
  });

  it('is in that language', () => {
    expect(languageOf(prose(pageIn(language)))).toBe(language);
  });
});

describe.each(TRANSLATIONS.map(pageIn))('%s', (file) => {
  it('has the same code', () => {
    const code = (block: CodeBlock) => [block.language, block.code];
    expect(codeBlocks(file).map(code)).toEqual(blocks.map(code));
  });

  it('has the same outline, with nothing left in English', () => {
    const lines = (path: string) =>
      readMarkdown(path)
        .replace(/^```[\s\S]*?^```$/gm, '')
        .split('\n')
        .filter((line) => line !== '');
    const shape = (line: string) => /^#{1,6} |^\||/.exec(line)?.[0];
    expect(lines(file).map(shape)).toEqual(lines(ENGLISH).map(shape));
    const long = (line: string) => line.replace(/`[^`]*`/g, '').length > 40 && !line.startsWith('[');
    expect(lines(file).filter((line) => long(line) && lines(ENGLISH).includes(line))).toEqual([]);
  });

  it('has the same numbers, names and links in the same lines', () => {
    const facts = (path: string) =>
      readMarkdown(path)
        .replace(/^```[\s\S]*?^```$/gm, '')
        .split('\n')
        .filter((line) => line !== '' && !line.includes('[English]') && !line.startsWith('English'))
        .map((line) => [
          ...(line.match(/`[^`]+`/g) ?? []).toSorted(),
          ...(line.replace(/`[^`]+`/g, '').match(/\d[\d.,\s\u00a0\u202f]*\d|\d/g) ?? [])
            .map((number) => number.replace(/\D/g, ''))
            .toSorted(),
          ...(line.match(/\]\([^)]*\)/g) ?? []).toSorted(),
        ]);
    expect(facts(file)).toEqual(facts(ENGLISH));
  });
});

it('has a page for each language of the OpenAPI document, and no other', () => {
  const pages = readdirSync(join(ROOT, 'docs')).filter((name) => name.startsWith('post-access-token'));
  expect(pages.map((name) => `docs/${name}`).sort()).toEqual(Object.keys(LANGUAGES).map(pageIn).sort());
});

it('is set in French as French is', () => {
  expect(frenchSpacingMistakes(prose(pageIn('fr')))).toEqual([]);
});

interface TableRow {
  readonly cells: readonly string[];
}

function tableRows(file: string): TableRow[] {
  return [...readMarkdown(file).matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) => ({ cells: row.split(' | ') }));
}
