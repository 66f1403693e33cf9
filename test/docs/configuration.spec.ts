import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { AUTHORITY_SETTINGS, type Setting, type Settings } from '../../src/cells-authority/internal.js';
import { usage } from '../../src/cli/usage.js';
import { ENVIRONMENT_SETTINGS, maskedEnvironment, readEnvironment } from '../../src/config/environment.js';
import { readMarkdown, ROOT } from './markdown.js';

const byDefault = ({ default: value }: Setting) => (value === undefined ? '' : `\`${value}\``);

const TABLES: [string, Settings, (name: string, setting: Setting) => string[]][] = [
  [
    'docs/configuration.md',
    ENVIRONMENT_SETTINGS,
    (name, setting) => [name, byDefault(setting), setting.allowed, setting.means],
  ],
  ['docs/module.md', AUTHORITY_SETTINGS, (name, setting) => [name, setting.allowed, byDefault(setting), setting.means]],
];

describe.each(TABLES)('The settings in %s', (file, settings, cells) => {
  it('are those there are, in their order, with what is allowed, what they are by default and what they mean', () => {
    const names = new Set(Object.keys(settings));
    const rows = readMarkdown(file)
      .split('\n')
      .filter((line) => names.has(/^\| `(\w+)` \|/.exec(line)?.[1] ?? ''));

    expect(rows).toEqual(
      Object.entries(settings).map(([name, setting]) => {
        const [first = '', ...others] = cells(name, setting);
        return `| ${[`\`${first}\``, ...others].join(' | ')} |`;
      }),
    );
  });
});

describe('The settings', () => {
  it('are all shown by --help', () => {
    const words = usage().replace(/\s+/g, ' ');

    for (const [name, { means, default: value }] of Object.entries(ENVIRONMENT_SETTINGS)) {
      const suffix = value === undefined ? '' : ` (${value})`;
      expect(words).toContain(` ${name} ${means.replaceAll('`', '')}${suffix} `);
    }
  });

  it('of the module are documented in its types, with their range and their default', () => {
    const source = readFileSync(join(ROOT, 'src/cells-authority/cells-authority.options.ts'), 'utf8');
    const comments = new Map(
      [...source.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\n {2}(\w+)\?:/g)].map(([, comment = '', name = '']) => [
        name,
        comment,
      ]),
    );

    for (const [name, setting] of Object.entries<Setting>(AUTHORITY_SETTINGS)) {
      const range = /\d+\.\.\d+/.exec(setting.allowed)?.[0] ?? '';
      expect({ name, comment: comments.get(name) }).toMatchObject({
        comment: expect.stringContaining(`Default ${byDefault(setting) || 'none'}.`) as string,
      });
      expect(comments.get(name)).toContain(range);
    }
  });

  /** A value other than the default for each, as written and as read. */
  const EXAMPLES: Readonly<Record<string, string>> = {
    UPSTREAM_TOKEN_URL: 'https://a.example/token',
    REDIS_URL: 'redis://b.example',
    UPSTREAM_PROXY_URL: 'http://d.example:3128',
    TOKEN_CACHE_SECRET: 'x'.repeat(32),
    HOST: '0.0.0.0',
    TRUST_PROXY: '10.0.0.0/8',
    TLS_CERT_FILE: 'cert.pem',
    TLS_KEY_FILE: 'key.pem',
    CORS_ORIGINS: 'https://c.example',
    ASPOSE_CLIENT_ID: 'an-id',
    ASPOSE_CLIENT_SECRET: 'a-secret',
  };

  function example(name: string, { allowed, default: byDefault }: Setting): string {
    const [, least, most] = /(\d+)\.\.(\d+)/.exec(allowed) ?? [];
    if (least !== undefined) return String(Number(least) === byDefault ? most : least);
    const words = [...allowed.matchAll(/`(\w+)`/g)].map(([, word = '']) => word);
    return EXAMPLES[name] ?? words.find((word) => word !== byDefault) ?? '';
  }

  it('are each read from their variable', () => {
    const folder = mkdtempSync(join(tmpdir(), 'settings-'));
    const authorities = join(folder, 'ca.pem');
    writeFileSync(authorities, rootCertificates[0] ?? '');
    const source = Object.fromEntries(
      Object.entries(ENVIRONMENT_SETTINGS).map(([name, setting]) => [
        name,
        name === 'UPSTREAM_CA_FILE' ? authorities : example(name, setting),
      ]),
    );
    const read = readEnvironment(source);
    rmSync(folder, { recursive: true });
    const values = Object.values({ ...read, ...read.authority, authority: undefined }).filter((v) => v !== undefined);

    expect(values.map(String).sort()).toEqual(Object.values(source).sort());
    expect(Object.keys(maskedEnvironment(read))).toEqual(Object.keys(source));
  });

  it.each(Object.entries(ENVIRONMENT_SETTINGS).filter(([, { allowed }]) => allowed.includes('..')))(
    '%s has the range that is told',
    (name, { allowed }) => {
      const [, least, most] = /(\d+)\.\.(\d+)/.exec(allowed) ?? [];
      const whole = { UPSTREAM_TIMEOUT_MS: '60000' };
      for (const value of [Number(least), Number(most)]) {
        expect(() => readEnvironment({ ...whole, [name]: String(value) })).not.toThrow();
      }
      for (const value of [Number(least) - 1, Number(most) + 1]) {
        expect(() => readEnvironment({ ...whole, [name]: String(value) })).toThrow(name);
      }
    },
  );
});
