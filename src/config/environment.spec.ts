import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENVIRONMENT_SETTINGS, maskedEnvironment, namingVariables, readEnvironment } from './environment.js';
import { describeFailure } from './start-failure.js';
import { unknownVariables } from './unknown-variables.js';

describe('readEnvironment', () => {
  it('needs nothing', () => {
    expect(readEnvironment({})).toEqual({
      HOST: '127.0.0.1',
      PORT: 3000,
      CELLS_API_URL: 'https://api.aspose.cloud',
      CELLS_API_MAX_BODY_MIB: 512,
      CELLS_API_TIMEOUT_MS: 600_000,
      DOCS: 'on',
      METRICS: 'on',
      LOG_LEVEL: 'info',
      SHUTDOWN_GRACE_MS: 25_000,
      SHUTDOWN_NOTICE_MS: 5000,
      authority: {
        upstreamTokenUrl: 'https://api.aspose.cloud/connect/token',
        upstreamTimeoutMs: 8000,
        upstreamConnectTimeoutMs: 2000,
        upstreamMaxConnections: 64,
        queryCredentials: 'allow',
        tokenCache: 'memory',
        tokenCacheMaxEntries: 10_000,
        sdkTokenMaxAgeS: 60,
        redisUrl: 'redis://127.0.0.1:6379',
      },
    });
  });

  it('refuses sessions without a token cache', () => {
    const source = { TOKEN_CACHE: 'off', CELLS_API_SESSION_MAX_S: '86400' };

    expect(() => readEnvironment(source)).toThrow(
      'CELLS_API_SESSION_MAX_S is "86400"; allowed: an integer, 1..31536000, and none with TOKEN_CACHE off',
    );
    expect(readEnvironment({ ...source, TOKEN_CACHE: 'memory' }).authority.cellsApiSessionMaxS).toBe(86_400);
  });

  it('treats an empty variable as not set, and ignores other variables', () => {
    expect(readEnvironment({ PORT: '', HOST: ' ', PATH: '/bin' })).toEqual(readEnvironment({}));
  });

  it('reads numbers, and ignores blanks around a value', () => {
    expect(readEnvironment({ PORT: ' 8080 ', TOKEN_MAX_AGE_S: '300' })).toMatchObject({
      PORT: 8080,
      authority: { tokenMaxAgeS: 300 },
    });
  });

  it.each([
    ['PORT', '65536', 'an integer, 0..65535'],
    ['PORT', '80abc', 'an integer, 0..65535'],
    ['PORT', '80.5', 'an integer, 0..65535'],
    ['HOST', 'a b', 'an address or a name of this machine'],
    ['UPSTREAM_TOKEN_URL', 'http://localhost.example.com', 'an https:// URL, or http:// to a loopback address'],
    ['UPSTREAM_TOKEN_URL', 'ftp://127.0.0.1', 'an https:// URL'],
    ['CELLS_API_URL', 'http://api.example.com', 'off, an https:// origin, or an http:// one at a loopback address'],
    ['CELLS_API_MAX_BODY_MIB', '0', 'an integer, 1..65536'],
    ['CELLS_API_TIMEOUT_MS', '99', 'an integer, 100..3600000'],
    ['UPSTREAM_TIMEOUT_MS', '0', 'an integer, 100..60000'],
    ['UPSTREAM_CONNECT_TIMEOUT_MS', '-1', 'an integer, 50..60000'],
    ['UPSTREAM_MAX_CONNECTIONS', '0', 'an integer, 1..1024'],
    ['QUERY_CREDENTIALS', 'maybe', 'allow or deny'],
    ['TOKEN_CACHE', 'disk', 'memory, redis or off'],
    ['TOKEN_CACHE_MAX_ENTRIES', '0', 'an integer, 1..1000000'],
    ['TOKEN_MAX_AGE_S', '0', 'an integer, 1..31536000'],
    ['SDK_TOKEN_MAX_AGE_S', 'none', 'an integer, 1..31536000'],
    ['CELLS_API_SESSION_MAX_S', '0', 'an integer, 1..31536000'],
    ['TRUST_PROXY', 'true', 'IP addresses or CIDRs, separated by commas'],
    ['TRUST_PROXY', '10.0.0.0/8, everyone', 'IP addresses or CIDRs'],
    ['TRUST_PROXY', '10.0.0.0/64', 'IP addresses or CIDRs'],
    ['TRUST_PROXY', '10.0.0.256', 'IP addresses or CIDRs'],
    ['TRUST_PROXY', 'fd00::/129', 'IP addresses or CIDRs'],
    ['DOCS', 'yes', 'on or off'],
    ['METRICS', '1', 'on or off'],
    ['LOG_LEVEL', 'verbose', 'fatal, error, warn, info, debug, trace or silent'],
    ['SHUTDOWN_GRACE_MS', '-5', 'an integer, 0..600000'],
  ])('refuses %s=%s, and says what is allowed', (name, value, allowed) => {
    const message = `${name} is "${value}"; allowed: ${allowed}`;

    expect(() => readEnvironment({ [name]: value })).toThrow(message);
    expect(() => readEnvironment({ [name]: value })).not.toThrow('\n');
  });

  it.each(['https://login.example.com/token', 'http://localhost:3001/token', 'http://127.8.8.8/t', 'http://[::1]:1/t'])(
    'takes the token URL %s',
    (url) => {
      expect(readEnvironment({ UPSTREAM_TOKEN_URL: url }).authority.upstreamTokenUrl).toBe(url);
    },
  );

  it.each([
    'off',
    'https://cells.example.com',
    'https://cells.example.com/',
    'http://localhost:8088',
    'http://[::1]:1',
  ])('accepts the Cells API %s', (url) => {
    expect(readEnvironment({ CELLS_API_URL: url }).CELLS_API_URL).toBe(url);
  });

  it.each(['10.0.0.0/8', '10.0.0.1, fd00::/8', '::1', '0.0.0.0/0'])('takes the proxies %s', (list) => {
    expect(readEnvironment({ TRUST_PROXY: list }).TRUST_PROXY).toBe(list);
  });

  const SECRET = 'geheim';
  it.each([
    [
      { UPSTREAM_TOKEN_URL: `http://user:${SECRET}@a.example/t?key=${SECRET}` },
      /^UPSTREAM_TOKEN_URL is "http:\/\/a\.example"; /,
    ],
    [
      { UPSTREAM_TOKEN_URL: `https://${SECRET}@a.example/${SECRET}` },
      /^UPSTREAM_TOKEN_URL is "https:\/\/a\.example"; /,
    ],
    [{ UPSTREAM_TOKEN_URL: `https://user:${SECRET}@%%` }, /^UPSTREAM_TOKEN_URL is not valid; /],
    [{ UPSTREAM_TOKEN_URL: SECRET }, /^UPSTREAM_TOKEN_URL is not valid; /],
    [
      { CORS_ORIGINS: `https://user:${SECRET}@a.example, https://b.example` },
      /^CORS_ORIGINS is "https:\/\/a\.example, https:\/\/b\.example"; /,
    ],
    [{ CORS_ORIGINS: `https://a.example/${SECRET}` }, /^CORS_ORIGINS is "https:\/\/a\.example"; /],
    [{ CELLS_API_URL: 'https://a.example/v3.0' }, /^CELLS_API_URL is "https:\/\/a\.example"; /],
    [{ CELLS_API_URL: `https://user:${SECRET}@a.example` }, /^CELLS_API_URL is "https:\/\/a\.example"; /],
    [{ CELLS_API_URL: 'on' }, /^CELLS_API_URL is not valid; /],
    [{ CORS_ORIGINS: '*' }, /^CORS_ORIGINS is not valid; /],
    [{ HOST: `http://user:${SECRET}@a.example` }, /^HOST is "http:\/\/a\.example"; /],
    [{ LOG_LEVEL: SECRET.repeat(20) }, /^LOG_LEVEL is not valid; /],
    [
      { REDIS_URL: `http://:${SECRET}@127.0.0.1` },
      /^REDIS_URL is not valid; allowed: a redis:\/\/ or rediss:\/\/ URL$/,
    ],
    [{ REDIS_URL: `redis://:${SECRET}@127.0.0.1:99999` }, /^REDIS_URL is not valid; /],
    [{ TOKEN_CACHE: 'redis', TOKEN_CACHE_SECRET: SECRET }, /^TOKEN_CACHE_SECRET is not valid; allowed: 32 characters/],
    [{ TOKEN_CACHE: 'redis' }, /^TOKEN_CACHE_SECRET is missing; allowed: 32 characters or more; new,old/],
    [{ TLS_CERT_FILE: 'cert.pem' }, /^TLS_KEY_FILE is missing; allowed: a PEM file, together with TLS_CERT_FILE$/],
    [{ ASPOSE_CLIENT_SECRET: SECRET }, /^ASPOSE_CLIENT_ID is missing; allowed: given together with/],
  ])('refuses %j, and shows nothing secret', (source, message) => {
    expect(() => readEnvironment(source)).toThrow(message);
    expect(() => readEnvironment(source)).not.toThrow(SECRET);
  });

  it('refuses to wait longer for a connection than for the answer, as soon as both are known', () => {
    const source = { UPSTREAM_TIMEOUT_MS: '1000' };
    expect(readEnvironment(source).authority).toMatchObject({
      upstreamTimeoutMs: 1000,
      upstreamConnectTimeoutMs: 2000,
    });

    expect(() => readEnvironment({ ...source, UPSTREAM_CONNECT_TIMEOUT_MS: '1001' })).toThrow(
      'UPSTREAM_CONNECT_TIMEOUT_MS is "1001"; allowed: an integer, 50..60000, and no more than UPSTREAM_TIMEOUT_MS',
    );
  });

  it('reads a secret from a file as well, and says what is wrong with it without quoting it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'secret-files-'));
    const file = join(folder, 'secret');
    writeFileSync(file, `${'x'.repeat(40)}\n`);
    const source = { TOKEN_CACHE_SECRET_FILE: ` ${file} ` };

    expect(readEnvironment(source).authority.tokenCacheSecret).toBe('x'.repeat(40));
    expect(() => readEnvironment({ ...source, TOKEN_CACHE_SECRET: SECRET })).toThrow(
      /^TOKEN_CACHE_SECRET and TOKEN_CACHE_SECRET_FILE are both set$/,
    );
    expect(() => readEnvironment({ REDIS_URL_FILE: join(folder, 'none') })).toThrow(
      /^REDIS_URL_FILE cannot be read \(ENOENT\)$/,
    );
    writeFileSync(file, SECRET);
    expect(() => readEnvironment(source)).toThrow(/^TOKEN_CACHE_SECRET is not valid; allowed: 32 characters/);
    rmSync(folder, { recursive: true });
  });

  it('names all that is wrong at once', () => {
    expect(() => readEnvironment({ PORT: 'x', DOCS: 'x' })).toThrow(/^PORT is .*\nDOCS is .*$/);
  });
});

describe('maskedEnvironment', () => {
  it('has each variable, and says of secrets only that they are set', () => {
    const masked = maskedEnvironment(
      readEnvironment({
        UPSTREAM_TOKEN_URL: 'https://a.example/token?key=geheim',
        TOKEN_CACHE_SECRET: 'geheim'.repeat(6),
        ASPOSE_CLIENT_ID: 'geheim',
        ASPOSE_CLIENT_SECRET: 'geheim',
      }),
    );

    expect(Object.keys(masked).sort()).toEqual(Object.keys(ENVIRONMENT_SETTINGS).sort());
    expect(masked).toMatchObject({
      PORT: 3000,
      UPSTREAM_TOKEN_URL: 'https://a.example/token?***',
      TOKEN_CACHE_SECRET: '***',
      REDIS_URL: '***',
      TRUST_PROXY: null,
    });
    expect(JSON.stringify(masked)).not.toContain('geheim');
  });
});

describe('A failure', () => {
  it('of an option names its variable', () => {
    expect(namingVariables('CellsAuthorityModule: upstreamCaFile is empty')).toBe('UPSTREAM_CA_FILE is empty');
    expect(namingVariables('constructor and toString are no options')).toBe('constructor and toString are no options');
  });

  it('shows neither user nor password nor query of a URL', () => {
    const message = describeFailure(new Error('connect to https://user:geheim@a.example/t?key=geheim "now"'));

    expect(message).toBe('connect to https://***@a.example/t?*** "now"');
  });

  it.each([
    [{ code: 'EADDRINUSE', syscall: 'listen', port: 80 }, 'port 80 is taken; set PORT to another one'],
    [{ code: 'EACCES', syscall: 'listen', port: 80 }, 'port 80 needs privileges; set PORT to another one'],
    [{ code: 'EADDRNOTAVAIL', syscall: 'listen' }, 'HOST is no address or name of this machine (EADDRNOTAVAIL)'],
    [{ code: 'ENOTFOUND', syscall: 'getaddrinfo' }, 'HOST is no address or name of this machine (ENOTFOUND)'],
  ])('to listen names its variable: %j', (details, message) => {
    expect(describeFailure(Object.assign(new Error('x'), details))).toBe(message);
  });
});

describe('unknownVariables', () => {
  it.each([
    ['UPSTREAM_TIMEOUT', 'UPSTREAM_TIMEOUT_MS'],
    ['TOKENCACHE', 'TOKEN_CACHE'],
    ['UPSTREAM_TOKEN_URI', 'UPSTREAM_TOKEN_URL'],
    ['upstream_ca_file', 'UPSTREAM_CA_FILE'],
    ['TLS_CERT', 'TLS_CERT_FILE'],
    ['REDIS_URL_FILES', 'REDIS_URL_FILE'],
  ])('finds that %s should be %s', (name, nearest) => {
    expect(unknownVariables({ [name]: 'x' })).toEqual([{ name, nearest }]);
  });

  it('ignores the variables of other programs', () => {
    const others = 'HOME HOSTNAME POST PORTS LANG TERM TOKEN REDIS_HOST REDIS_PORT NODE_OPTIONS LOGNAME PATH UPSTREAM';
    const known = Object.keys(ENVIRONMENT_SETTINGS);

    expect(unknownVariables(Object.fromEntries([...others.split(' '), ...known].map((name) => [name, 'x'])))).toEqual(
      [],
    );
  });
});
