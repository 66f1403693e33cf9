import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceMetrics } from '../../src/metrics/service-metrics.js';
import { ENVIRONMENT_SETTINGS, SECRET_VARIABLES } from '../../src/config/environment.js';
import { CONFIGURATION_ERROR } from '../../src/config/start-failure.js';

const ROOT = join(__dirname, '..', '..');
const METRIC = /\b(?:cells_authority|nodejs|process)_\w*[a-z]\b/g;
const SUFFIX = /_(?:bucket|sum|count)$/;

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

function registeredNames(): ReadonlySet<string> {
  const metrics = new ServiceMetrics();
  metrics.addProcessMetrics();
  metrics.addAuthority(() => ({
    keptTokens: 0,
    keptBytes: 0,
    heldCredentials: 0,
    waitingRequests: 0,
    openConnections: 0,
    sharedStore: undefined,
  }));
  metrics.addBuild('0.0.0');
  metrics.addCertificate(() => 0);
  metrics.addDroppedLogLines(() => 0);
  metrics.addGateway(() => ({ inFlight: 0, bytesUp: 0, bytesDown: 0, connections: 0, waiting: 0 }));
  return new Set(metrics.registry.getMetricsAsArray().map(({ name }) => name));
}

function mentionedNames(file: string): string[] {
  return [...new Set([...read(file).matchAll(METRIC)].map(([name]) => name))];
}

/** Runs a program that a bare machine may lack; CI may not. */
function check(program: string, parameters: readonly string[]): void {
  const { error, status, stderr, stdout } = spawnSync(program, parameters, { cwd: ROOT, encoding: 'utf8' });
  if (error !== undefined && process.env.CI !== 'true') {
    process.stdout.write(`${program} is not installed: ${parameters.join(' ')} is not checked\n`);
    return;
  }
  // What systemd does not know it only tells of, and ends with 0.
  expect({ program, status, output: status === 0 ? stderr : `${stdout}${stderr}` }).toEqual({
    program,
    status: 0,
    output: '',
  });
}

describe('Metric names', () => {
  const registered = registeredNames();
  const own = [...registered].filter((name) => name.startsWith('cells_authority_'));

  it.each(['deploy/alerts.yml', 'deploy/grafana-dashboard.json', 'docs/operations.md'])(
    'in %s are those of the service',
    (file) => {
      const mentioned = mentionedNames(file);
      const unknown = mentioned.filter((name) => !registered.has(name) && !registered.has(name.replace(SUFFIX, '')));

      expect(mentioned.length).toBeGreaterThan(5);
      expect(unknown).toEqual([]);
    },
  );

  it.each(['deploy/grafana-dashboard.json', 'docs/operations.md'])('of the service are all in %s', (file) => {
    const mentioned = mentionedNames(file).map((name) => name.replace(SUFFIX, ''));

    expect(own.filter((name) => !mentioned.includes(name))).toEqual([]);
  });

  it('follow the conventions of Prometheus', async () => {
    const endings: Readonly<Record<string, RegExp>> = {
      counter: /_total$/,
      histogram: /_seconds$/,
      gauge: /(?:(?<!_total|_count|_seconds)|_timestamp_seconds)$/,
    };

    const metrics = await new ServiceMetrics().registry.getMetricsAsJSON();

    expect(metrics.length).toBeGreaterThan(10);
    expect(metrics.filter(({ name, type }) => endings[String(type)]?.test(name) !== true)).toEqual([]);
  });
});

describe('Alerts', () => {
  it('are valid to Prometheus', () => {
    check('promtool', ['check', 'rules', 'deploy/alerts.yml']);
  });

  it('are each explained', () => {
    const alerts = [...read('deploy/alerts.yml').matchAll(/alert: (\w+)/g)].map(([, name]) => name);
    const headings = [...read('docs/operations.md').matchAll(/^### (CellsAuthority\w+)$/gm)].map(([, name]) => name);

    expect(headings).toEqual(alerts);
    for (const name of alerts)
      expect(read('deploy/alerts.yml')).toContain(`operations.md#${String(name).toLowerCase()}\n`);
  });
});

describe('The log lines', () => {
  it('are each explained', () => {
    const explained = new Set([...read('docs/operations.md').matchAll(/`(\w+)`/g)].map(([, name]) => name));
    const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    );
    const written = files.flatMap((file) => [...read(join('src', file)).matchAll(/\bevent: '(\w+)'/g)]);
    const told = read('src/cells-authority/authority-observer.ts').matchAll(/type: '(\w+)'/g);
    const events = new Set([...written, ...told].map(([, name]) => name));

    for (const name of ['circuit', 'start', 'gateway_request', 'request_refused']) expect(events).toContain(name);
    expect([...events].filter((name) => !explained.has(name))).toEqual([]);
  });
});

describe('The image', () => {
  const dockerfile = read('deploy/Dockerfile');

  it('runs the LTS line of Node.js that the README advises, which the gate runs too', () => {
    const advised = /\(use (\d+), as the image does/.exec(read('README.md'))?.[1];
    const bases = [...dockerfile.matchAll(/^FROM node:(\d+)-/gm)].map(([, version]) => version);

    expect(bases).toEqual([advised, advised]);
    expect(/^const VERSIONS = (.*);$/m.exec(read('scripts/node-versions.mjs'))?.[1]).toContain(`'${advised}'`);
  });

  it('is made of files that are there', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );

    expect(copied).toContain('package-lock.json');
    expect(copied.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  it('runs without privileges, gets its signals, and is probed without a secret', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["node", (?:"--[\w=-]+", )*"dist\/cli\.js"\]$/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK [^]*\["node", "dist\/cli\.js", "health"\]$/m);
    expect(existsSync(join(ROOT, 'src/cli.ts'))).toBe(true);
  });

  it('is labelled with the version, licence and source of the package', () => {
    const { version, license, repository } = JSON.parse(read('package.json')) as Record<string, string>;
    const labels = Object.fromEntries(
      [...dockerfile.matchAll(/org\.opencontainers\.image\.(\w+)="([^"]*)"/g)].map(([, name = '', value]) => [
        name,
        value,
      ]),
    );

    expect(labels).toMatchObject({
      version,
      licenses: license,
      source: String(repository).replace('github:', 'https://github.com/'),
    });
  });

  it('is built from what it needs: nothing else is sent to Docker', () => {
    const rules = read('.dockerignore').split('\n');
    const kept = rules.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );

    expect(rules).toContain('*');
    expect(kept.sort()).toEqual(copied.sort());
  });

  it('runs with the memory settings of npm start, and so do the units', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } };
    const settings = (text: string) => text.match(/--[\w-]+(?:=\d+)?/g);
    const trimming = /^ENV .*(MALLOC_TRIM_THRESHOLD_=\d+)$/m.exec(dockerfile)?.[1] ?? 'none';
    expect(settings(scripts.start)).toHaveLength(5);
    expect(settings(/^ENTRYPOINT.*$/m.exec(dockerfile)?.[0] ?? '')).toEqual(settings(scripts.start));
    for (const unit of ['cells-authority.service', 'cells-authority@.service']) {
      expect(settings(/^ExecStart=.*$/m.exec(read(`deploy/${unit}`))?.[0] ?? '')).toEqual(settings(scripts.start));
      expect(read(`deploy/${unit}`)).toContain(` ${trimming}\n`);
    }
  });

  it('is run on a read-only file system with variables that exist', () => {
    const compose = read('deploy/compose.yaml');
    const variables = [...compose.matchAll(/^ {6}([A-Z_]+):/gm)].map(([, name]) => name);

    expect(compose.match(/read_only: true/g)).toHaveLength(2);
    expect(variables.length).toBeGreaterThan(2);
    expect(variables.filter((name) => !Object.hasOwn(ENVIRONMENT_SETTINGS, String(name)))).toEqual([]);
  });
});

describe('The systemd unit', () => {
  it('is not started over and over with a setting that is wrong', () => {
    expect(read('deploy/cells-authority.service')).toContain(`\nRestartPreventExitStatus=${CONFIGURATION_ERROR}\n`);
  });

  it('is valid, and denies the service everything that it does not need', () => {
    check('systemd-analyze', ['verify', 'deploy/cells-authority.service']);
    const folder = mkdtempSync(join(tmpdir(), 'unit-'));
    const withSecrets = join(folder, 'cells-authority.service');
    const unit = read('deploy/cells-authority.service').replace(/^#(?=LoadCredential|Environment)/gm, '');
    writeFileSync(withSecrets, unit);
    check('systemd-analyze', ['verify', withSecrets]);
    rmSync(folder, { recursive: true });
    const named = [...unit.matchAll(/([A-Z_]+_FILE)=%d\/([\w.-]+)/g)];
    expect(named.map(([, , file]) => file)).toEqual(
      [...unit.matchAll(/^LoadCredential=([\w.-]+):/gm)].map(([, name]) => name),
    );
    const known = [...Object.keys(ENVIRONMENT_SETTINGS), ...SECRET_VARIABLES.map((name) => `${name}_FILE`)];
    expect(known).toEqual(expect.arrayContaining(named.map(([, variable]) => variable)));
    check('systemd-analyze', ['security', '--offline=true', '--threshold=20', 'deploy/cells-authority.service']);
  });

  it('is the same for one process a core, but for the port that each instance is named for', () => {
    check('systemd-analyze', ['verify', 'deploy/cells-authority@.service']);
    const single = read('deploy/cells-authority.service');

    expect(read('deploy/cells-authority@.service').replace(/^#.*\n#.*\n/, '')).toBe(
      // By env, not by Environment=: the file of the settings would have the last word.
      single.replace(/^(Description=.*)$/m, '$1, port %i').replace('/usr/bin/env node', '/usr/bin/env PORT=%i node'),
    );
  });
});
