import { type AuthorityObserver } from './authority-observer.js';
import { isTokenUrl } from './verified-tls.js';
import {
  choice,
  defaultsOf,
  integer,
  type Setting,
  text,
  type ValuesOf,
  violation,
  type Violation,
  violations,
} from './setting.js';
import { isCredential } from './client-credentials/client-credentials.js';
import { isProxyUrl } from './forward-proxy.js';
import { parseRedisUrl } from './shared-store/redis-address.js';
import { type RedisClient } from './shared-store/redis-commands.js';
import { isCertificateFile } from './verified-tls.js';

const ONE_YEAR_S = 31_536_000;
const CACHE_SECRETS = /^[^,]{32,}(?:,[^,]{32,})*$/;

/** The application's own client credentials. */
export interface OwnCredentials {
  /** Client ID: 1..512 printable ASCII characters. */
  readonly clientId: string;
  /** Client Secret: 1..512 printable ASCII characters. */
  readonly clientSecret: string;
}

/** Client credentials, or a function that returns those for the current request. */
export type CredentialsSource = OwnCredentials | (() => OwnCredentials | Promise<OwnCredentials>);

/** Options of `CellsAuthorityModule`, all of them optional. A wrong or unknown one fails the start. */
export interface CellsAuthorityOptions {
  /**
   * The authorization server's token endpoint: HTTPS, or plain HTTP to a loopback address.
   * Default `https://api.aspose.cloud/connect/token`.
   */
  upstreamTokenUrl?: string | undefined;

  /** Milliseconds for a whole upstream request, its retry included: 100..60000. Default `8000`. */
  upstreamTimeoutMs?: number | undefined;

  /** Milliseconds for a connection to the authorization server, TLS included: 50..60000. Default `2000`. */
  upstreamConnectTimeoutMs?: number | undefined;

  /** Path of a PEM file with the certificate authorities to trust instead of Node's own. Default none. */
  upstreamCaFile?: string | undefined;

  /** Forward proxy for all requests to Aspose: `http://[user:password@]host:port`, or `https://`. Default none. */
  upstreamProxyUrl?: string | undefined;

  /** Connections to the authorization server, and so requests to it at a time: 1..1024. Default `64`. */
  upstreamMaxConnections?: number | undefined;

  /** `deny` refuses a client secret in the URL, where logs and histories see it. Default `allow`. */
  queryCredentials?: 'allow' | 'deny' | undefined;

  /** Where tokens are kept: `memory`, `redis` (memory in front, Redis behind) or `off`. Default `memory`. */
  tokenCache?: 'memory' | 'redis' | 'off' | undefined;

  /** Tokens kept in memory, the least recently used going first: 1..1000000. Default `10000`. */
  tokenCacheMaxEntries?: number | undefined;

  /** Seconds that a token is reused on the published path, and by the service's methods: 1..31536000. Default none. */
  tokenMaxAgeS?: number | undefined;

  /**
   * Seconds that a token is reused on the SDK paths, whose clients keep what they get for about a day
   * whatever `expires_in` says: 1..31536000. Default `60`.
   */
  sdkTokenMaxAgeS?: number | undefined;

  /**
   * Seconds from its issue for which a token that was handed out over HTTP stands for its credential pair, as
   * {@link TokenSessions} explains: 1..31536000. Default none.
   */
  cellsApiSessionMaxS?: number | undefined;

  /** Redis for `tokenCache: 'redis'`: `redis://` or `rediss://`. Default `redis://127.0.0.1:6379`. */
  redisUrl?: string | undefined;

  /** Protects what is kept in Redis; required there. 32 characters or more; `new,old` while rotating. Default none. */
  tokenCacheSecret?: string | undefined;

  /**
   * Your own Redis for `tokenCache: 'redis'`, instead of `redisUrl`: an ioredis client or Cluster, which you close
   * yourself. Its key prefix and retries apply. Default none.
   */
  redis?: RedisClient | undefined;

  /**
   * The application's own client credentials, used by `getAccessToken()`, or a function that returns them for each
   * call. The HTTP operation never uses them. Default none.
   */
  credentials?: CredentialsSource | undefined;

  /** Receives all events, for logs and metrics. Its own errors do not affect requests. Default: Nest's logger. */
  observer?: AuthorityObserver | undefined;
}

/** Makes the options, for `forRootAsync({ useClass })` and `forRootAsync({ useExisting })`. */
export interface CellsAuthorityOptionsFactory {
  createCellsAuthorityOptions(): CellsAuthorityOptions | Promise<CellsAuthorityOptions>;
}

type WrittenSettings = {
  readonly [K in keyof Required<Omit<CellsAuthorityOptions, keyof GivenObjects>>]: Setting<
    NonNullable<CellsAuthorityOptions[K]>
  >;
};

/** The options that can be written as text. The service reads them from the environment: `UPSTREAM_TOKEN_URL` etc. */
export const AUTHORITY_SETTINGS = {
  upstreamTokenUrl: text(
    'an `https://` URL, or `http://` to a loopback address, without user, password or fragment',
    {
      means: 'the authorization server’s token endpoint',
      default: 'https://api.aspose.cloud/connect/token',
      shown: 'origin',
    },
    isTokenUrl,
  ),
  upstreamTimeoutMs: integer(100, 60_000, {
    means: 'milliseconds for everything a token request needs upstream, the retry included',
    default: 8000,
  }),
  upstreamConnectTimeoutMs: integer(50, 60_000, {
    means: 'milliseconds for connecting, TLS included; to the Cells API as well',
    default: 2000,
  }),
  upstreamCaFile: text(
    'a readable PEM file of one certificate or more',
    {
      means:
        'certificate authorities to trust instead of Node’s, for a private authorization server or Cells API; `NODE_TLS_REJECT_UNAUTHORIZED` has no effect',
    },
    isCertificateFile,
  ),
  upstreamProxyUrl: text(
    '`http://[user:password@]host:port`, or `https://…`, with `?ca=<file>` for its certificate authorities',
    {
      means: 'a forward proxy (HTTP CONNECT) for all requests to Aspose; `HTTPS_PROXY` and the like are not read',
      shown: 'never',
    },
    isProxyUrl,
  ),
  upstreamMaxConnections: integer(1, 1024, {
    means: 'connections to the authorization server, and so requests to it at a time',
    default: 64,
  }),
  queryCredentials: choice(['allow', 'deny'], {
    means: '`deny` refuses a client secret in the URL',
    default: 'allow',
  }),
  tokenCache: choice(['memory', 'redis', 'off'], {
    means: 'where tokens are kept; `off` forwards every request',
    default: 'memory',
  }),
  tokenCacheMaxEntries: integer(1, 1_000_000, {
    means: 'tokens kept in memory; the least recently used go first',
    default: 10_000,
  }),
  tokenMaxAgeS: integer(1, ONE_YEAR_S, {
    means: 'seconds that a token is reused on the published path; unset: as long as it is good',
  }),
  sdkTokenMaxAgeS: integer(1, ONE_YEAR_S, {
    means: 'the same on the SDK paths, whose clients keep a token for about a day whatever its `expires_in`',
    default: 60,
  }),
  cellsApiSessionMaxS: integer(1, ONE_YEAR_S, {
    means:
      'seconds from its issue for which a client can go on using a token that has expired or was revoked; unset: no sessions',
  }),
  redisUrl: text(
    'a `redis://` or `rediss://` URL',
    { means: 'used when tokens are kept in Redis', default: 'redis://127.0.0.1:6379', shown: 'never' },
    (url) => parseRedisUrl(url) !== undefined,
  ),
  tokenCacheSecret: text(
    '32 characters or more; `new,old` while rotating',
    { means: 'protects what is kept in Redis; required with Redis', shown: 'never' },
    (secrets) => CACHE_SECRETS.test(secrets),
  ),
} satisfies WrittenSettings;

const CREDENTIALS_SETTINGS = {
  clientId: text('1..512 printable ASCII characters', { means: 'Client ID', shown: 'never' }, isCredential),
  clientSecret: text('1..512 printable ASCII characters', { means: 'Client Secret', shown: 'never' }, isCredential),
};

type GivenObjects = Pick<CellsAuthorityOptions, 'credentials' | 'observer' | 'redis'>;

/** Complete options: each default applied, each value checked. */
export type AuthorityOptions = ValuesOf<typeof AUTHORITY_SETTINGS> & Readonly<GivenObjects>;

/** Injection token of {@link AuthorityOptions}. */
export const AUTHORITY_OPTIONS = Symbol('AUTHORITY_OPTIONS');

/**
 * Checks the options and applies the defaults.
 *
 * @throws Error that names each wrong option and what is allowed, and quotes none of their values.
 */
export function completeOptions(options: CellsAuthorityOptions): AuthorityOptions {
  // For JavaScript hosts, and factories that return nothing.
  if (!isObject(options)) throw new Error('CellsAuthorityModule: the options must be an object');
  const { credentials, observer, redis, ...written } = options;
  const complaints = [
    ...unknownNames(written, AUTHORITY_SETTINGS),
    ...optionViolations(written).map(({ name, allowed }) => `${name} must be ${allowed}`),
    ...credentialComplaints(credentials),
    ...(observer === undefined || typeof observer === 'function' ? [] : ['observer must be a function']),
    ...redisComplaints(redis, options.tokenCache),
  ];
  if (complaints.length > 0) throw new Error(`CellsAuthorityModule: ${complaints.join('; ')}`);
  // Checked above, and complete because the defaults are applied.
  const values: unknown = { ...defaultsOf(AUTHORITY_SETTINGS), ...withoutUndefined(options) };
  return Object.freeze(values as AuthorityOptions);
}

/** What is wrong with the options that can be written as text, alone and together. */
export function optionViolations(options: Readonly<Record<string, unknown>>): Violation[] {
  const { tokenCacheSecret, cellsApiSessionMaxS, upstreamConnectTimeoutMs: connectTimeout } = AUTHORITY_SETTINGS;
  const alone = violations(AUTHORITY_SETTINGS, options);
  if (alone.length > 0) return alone;
  const { upstreamTimeoutMs = AUTHORITY_SETTINGS.upstreamTimeoutMs.default } = options;
  return [
    ...(options.tokenCache === 'redis' && options.tokenCacheSecret === undefined
      ? [violation('tokenCacheSecret', tokenCacheSecret, undefined)]
      : []),
    ...(options.tokenCache === 'off' && options.cellsApiSessionMaxS !== undefined
      ? [
          violation(
            'cellsApiSessionMaxS',
            cellsApiSessionMaxS,
            options.cellsApiSessionMaxS,
            `${cellsApiSessionMaxS.allowed}, and none with tokenCache off`,
          ),
        ]
      : []),
    ...(Number(options.upstreamConnectTimeoutMs) > Number(upstreamTimeoutMs)
      ? [
          violation(
            'upstreamConnectTimeoutMs',
            connectTimeout,
            options.upstreamConnectTimeoutMs,
            `${connectTimeout.allowed}, and no more than upstreamTimeoutMs`,
          ),
        ]
      : []),
  ];
}

function credentialComplaints(credentials: unknown): string[] {
  if (credentials === undefined || typeof credentials === 'function') return [];
  if (!isObject(credentials)) return ['credentials must be an object or a function'];
  return [
    ...unknownNames(credentials, CREDENTIALS_SETTINGS, 'credentials.'),
    ...Object.entries(CREDENTIALS_SETTINGS)
      .filter(([name, { accepts }]) => !accepts(credentials[name]))
      .map(([name, { allowed }]) =>
        isEmpty(credentials, name)
          ? `credentials.${name} is empty; is the environment variable set?`
          : `credentials.${name} must be ${allowed}`,
      ),
  ];
}

function isEmpty(credentials: Readonly<Record<string, unknown>>, name: string): boolean {
  return Object.hasOwn(credentials, name) && (credentials[name] === undefined || credentials[name] === '');
}

function redisComplaints(redis: unknown, tokenCache: unknown): string[] {
  if (redis === undefined) return [];
  if (!isObject(redis) || typeof redis.getBuffer !== 'function')
    return ['redis must be a client or Cluster of ioredis'];
  return tokenCache === 'redis' ? [] : ["redis needs tokenCache 'redis'"];
}

function unknownNames(given: object, known: object, parent = ''): string[] {
  return Object.keys(given)
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => `there is no option ${parent}${name}`);
}

function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
