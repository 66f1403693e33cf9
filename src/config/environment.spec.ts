import { Environment, ENVIRONMENT_NAMES, readEnvironment, SECRET_NAMES } from './environment.js';

describe('readEnvironment', () => {
  it('needs nothing', () => {
    expect(readEnvironment({})).toEqual(new Environment());
    expect(readEnvironment({})).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 3000,
      UPSTREAM_TOKEN_URL: 'https://api.aspose.cloud/connect/token',
      UPSTREAM_TIMEOUT_MS: 8000,
      UPSTREAM_CONNECT_TIMEOUT_MS: 2000,
      UPSTREAM_MAX_CONNECTIONS: 64,
      CELLS_API_URL: 'https://api.aspose.cloud',
      CELLS_API_MAX_BODY_MIB: 512,
      CELLS_API_TIMEOUT_MS: 600_000,
      QUERY_CREDENTIALS: 'allow',
      TOKEN_CACHE: 'memory',
      TOKEN_CACHE_MAX_ENTRIES: 10_000,
      SDK_TOKEN_MAX_AGE_S: 60,
      REDIS_URL: 'redis://127.0.0.1:6379',
      DOCS: 'on',
      METRICS: 'on',
      LOG_LEVEL: 'info',
      SHUTDOWN_GRACE_MS: 5000,
    });
  });

  it('takes an empty variable for one that is not set, and leaves others alone', () => {
    expect(readEnvironment({ PORT: '', HOST: ' ', PATH: '/bin' })).toEqual(new Environment());
  });

  it('reads numbers', () => {
    expect(readEnvironment({ PORT: '8080', TOKEN_MAX_AGE_S: '300' })).toMatchObject({
      PORT: 8080,
      TOKEN_MAX_AGE_S: 300,
    });
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', 'http'],
    ['PORT', '80.5'],
    ['UPSTREAM_TOKEN_URL', 'http://example.com/connect/token'],
    ['UPSTREAM_TOKEN_URL', 'http://localhost.example.com/token'],
    ['UPSTREAM_TOKEN_URL', 'http://127.0.0.1.example.com/token'],
    ['UPSTREAM_TOKEN_URL', 'http://127.0.0.1@example.com/token'],
    ['UPSTREAM_TOKEN_URL', 'ftp://127.0.0.1/token'],
    ['UPSTREAM_TOKEN_URL', 'https://'],
    ['UPSTREAM_TOKEN_URL', 'https://%%'],
    ['UPSTREAM_TOKEN_URL', 'https://user:password@example.com/token'],
    ['UPSTREAM_TIMEOUT_MS', '0'],
    ['UPSTREAM_CONNECT_TIMEOUT_MS', '-1'],
    ['UPSTREAM_MAX_CONNECTIONS', '0'],
    ['CELLS_API_URL', 'http://api.example.com'],
    ['CELLS_API_URL', 'https://api.example.com/v3.0'],
    ['CELLS_API_URL', 'https://api.example.com/?a=b'],
    ['CELLS_API_URL', 'https://user:password@api.example.com'],
    ['CELLS_API_URL', 'on'],
    ['CELLS_API_MAX_BODY_MIB', '0'],
    ['CELLS_API_TIMEOUT_MS', '99'],
    ['QUERY_CREDENTIALS', 'maybe'],
    ['TOKEN_CACHE', 'disk'],
    ['TOKEN_CACHE_MAX_ENTRIES', '0'],
    ['TOKEN_MAX_AGE_S', '0'],
    ['SDK_TOKEN_MAX_AGE_S', 'none'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '10.0.0.0/8, everyone'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'example.com'],
    ['DOCS', 'yes'],
    ['METRICS', '1'],
    ['LOG_LEVEL', 'verbose'],
    ['SHUTDOWN_GRACE_MS', '-5'],
  ])('refuses %s=%s with one line that names it, what it was and what is allowed', (name, value) => {
    const refusal = () => readEnvironment({ [name]: value });
    expect(refusal).toThrow(
      new RegExp(`^${name} is "${value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}"; allowed: \\S.*$`),
    );
  });

  it.each(['https://login.example.com/token', 'http://localhost:3001/token', 'http://127.8.8.8/t', 'http://[::1]:1/t'])(
    'takes the token URL %s',
    (url) => {
      expect(readEnvironment({ UPSTREAM_TOKEN_URL: url }).UPSTREAM_TOKEN_URL).toBe(url);
    },
  );

  it.each([
    'off',
    'https://cells.example.com',
    'https://cells.example.com/',
    'http://localhost:8088',
    'http://[::1]:1',
  ])('takes the Cells API %s', (url) => {
    expect(readEnvironment({ CELLS_API_URL: url }).CELLS_API_URL).toBe(url);
  });

  it.each([
    [{ TOKEN_CACHE: 'redis' }, /^TOKEN_CACHE_SECRET is missing; allowed: 32 characters or more/],
    [
      { TOKEN_CACHE: 'redis', TOKEN_CACHE_SECRET: 'too-short-a-secret' },
      /^TOKEN_CACHE_SECRET is not valid; allowed: 32/,
    ],
    [{ TLS_CERT_FILE: 'cert.pem' }, /^TLS_KEY_FILE is missing; allowed: /],
    [{ ASPOSE_CLIENT_SECRET: 'own-secret' }, /^ASPOSE_CLIENT_ID is missing; allowed: /],
    [{ REDIS_URL: 'http://:redis-password@127.0.0.1' }, /^REDIS_URL is not valid; allowed: /],
  ])('refuses %j and prints no secret', (source, message) => {
    const refusal = () => readEnvironment(source);
    expect(refusal).toThrow(message);
    expect(refusal).not.toThrow(/too-short|own-secret|redis-password/);
  });

  it('names all that is wrong at once', () => {
    expect(() => readEnvironment({ PORT: 'x', DOCS: 'x' })).toThrow(/^PORT is .*\nDOCS is .*$/);
  });

  it('knows every variable by name', () => {
    expect(new Set(ENVIRONMENT_NAMES).size).toBe(ENVIRONMENT_NAMES.length);
    expect(ENVIRONMENT_NAMES).toEqual(expect.arrayContaining([...SECRET_NAMES]));
  });
});
