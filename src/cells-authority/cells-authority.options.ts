import { plainToInstance, Type } from 'class-transformer';
import {
  IsIn,
  IsInstance,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  Validate,
  ValidateIf,
  ValidateNested,
  validateSync,
  type ValidationError,
} from 'class-validator';
import { type AuthorityObserver } from './authority-observer.js';
import { TokenUrlConstraint } from './authorization-server/token-url.js';
import { CertificateFileConstraint } from './verified-tls.js';

/** The token endpoint of Aspose Cloud. */
const ASPOSE_TOKEN_URL = 'https://api.aspose.cloud/connect/token';

const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;
const ONE_YEAR_S = 31_536_000;

/** The application's own client credentials. */
export class OwnCredentials {
  /** Client ID: 1..512 printable ASCII characters. */
  @IsString()
  @MaxLength(512)
  @Matches(PRINTABLE_ASCII, { message: '$property must be printable ASCII' })
  clientId!: string;

  /** Client Secret: 1..512 printable ASCII characters. */
  @IsString()
  @MaxLength(512)
  @Matches(PRINTABLE_ASCII, { message: '$property must be printable ASCII' })
  clientSecret!: string;
}

/** Options of `CellsAuthorityModule`, all of them optional. A wrong or unknown one fails the start. */
export class CellsAuthorityOptions {
  /**
   * The authorization server's token endpoint: HTTPS, or plain HTTP to a loopback address.
   * Default `https://api.aspose.cloud/connect/token`.
   */
  @IsOptional()
  @Validate(TokenUrlConstraint)
  upstreamTokenUrl?: string;

  /** Milliseconds for a whole upstream request, its retry included: 100..60000. Default 8000. */
  @IsOptional()
  @IsInt()
  @Min(100)
  @Max(60_000)
  upstreamTimeoutMs?: number;

  /** Milliseconds for a connection to the authorization server, TLS included: 50..60000. Default 2000. */
  @IsOptional()
  @IsInt()
  @Min(50)
  @Max(60_000)
  upstreamConnectTimeoutMs?: number;

  /** Path of a PEM file with the certificate authorities to trust instead of Node's own. Default none. */
  @IsOptional()
  @Validate(CertificateFileConstraint)
  upstreamCaFile?: string;

  /** Connections to the authorization server, and so requests to it at a time: 1..1024. Default 64. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1024)
  upstreamMaxConnections?: number;

  /** `deny` refuses a client secret in the URL, where logs and histories see it. Default `allow`. */
  @IsOptional()
  @IsIn(['allow', 'deny'])
  queryCredentials?: 'allow' | 'deny';

  /** Where tokens are kept: `memory`, `redis` (memory in front, Redis behind) or `off`. Default `memory`. */
  @IsOptional()
  @IsIn(['memory', 'redis', 'off'])
  tokenCache?: 'memory' | 'redis' | 'off';

  /** Tokens kept in memory, the least recently used going first: 1..1000000. Default 10000. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  tokenCacheMaxEntries?: number;

  /** Seconds that a token is reused on the published path, and by the service's methods: 1..31536000. Default none. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(ONE_YEAR_S)
  tokenMaxAgeS?: number;

  /**
   * Seconds that a token is reused on the SDK paths, whose clients keep what they get for about a day
   * whatever `expires_in` says: 1..31536000. Default 60.
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(ONE_YEAR_S)
  sdkTokenMaxAgeS?: number;

  /** Redis for `tokenCache: 'redis'`: `redis://` or `rediss://`. Default `redis://127.0.0.1:6379`. */
  @IsOptional()
  @Matches(/^rediss?:\/\//, { message: 'redisUrl must begin with redis:// or rediss://' })
  redisUrl?: string;

  /** Protects what is kept in Redis, required with it: 32 characters or more; `new,old` while rotating. */
  @ValidateIf(
    (options: CellsAuthorityOptions) => options.tokenCache === 'redis' || options.tokenCacheSecret !== undefined,
  )
  @Matches(/^[^,]{32,}(?:,[^,]{32,})*$/, { message: 'tokenCacheSecret must have 32 characters or more' })
  tokenCacheSecret?: string;

  /** The application's own client credentials, which `getAccessToken()` uses. The HTTP operation never does. */
  @IsOptional()
  @ValidateNested()
  @Type(() => OwnCredentials)
  credentials?: OwnCredentials;

  /** Is told what happens, for logs and metrics; its own errors harm no request. Default: Nest's logger. */
  @IsOptional()
  @IsInstance(Function, { message: '$property must be a function' })
  observer?: AuthorityObserver;
}

/** Makes the options, for `forRootAsync({ useClass })` and `forRootAsync({ useExisting })`. */
export interface CellsAuthorityOptionsFactory {
  createCellsAuthorityOptions(): CellsAuthorityOptions | Promise<CellsAuthorityOptions>;
}

type Optional = 'upstreamCaFile' | 'tokenMaxAgeS' | 'tokenCacheSecret' | 'credentials' | 'observer';

/** Complete options: each default applied, each value checked. */
export type AuthorityOptions = Readonly<
  Required<Omit<CellsAuthorityOptions, Optional>> & Pick<CellsAuthorityOptions, Optional>
>;

/** Injection token of {@link AuthorityOptions}. */
export const AUTHORITY_OPTIONS = Symbol('AUTHORITY_OPTIONS');

const DEFAULTS = {
  upstreamTokenUrl: ASPOSE_TOKEN_URL,
  upstreamTimeoutMs: 8000,
  upstreamConnectTimeoutMs: 2000,
  upstreamMaxConnections: 64,
  queryCredentials: 'allow',
  tokenCache: 'memory',
  tokenCacheMaxEntries: 10_000,
  sdkTokenMaxAgeS: 60,
  redisUrl: 'redis://127.0.0.1:6379',
} as const satisfies CellsAuthorityOptions;

/**
 * Checks the options and applies the defaults.
 *
 * @throws Error that names each wrong option and what is allowed, and quotes none of their values.
 */
export function completeOptions(options: CellsAuthorityOptions): AuthorityOptions {
  // JavaScript hosts, and factories that forget their return.
  if (Object(options) !== options) throw new Error('CellsAuthorityModule: the options must be an object');
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const violations = validateSync(plainToInstance(CellsAuthorityOptions, given), {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
  });
  if (violations.length > 0) {
    throw new Error(
      `CellsAuthorityModule: ${violations.flatMap((violation) => describeViolation(violation)).join('; ')}`,
    );
  }
  return Object.freeze({ ...DEFAULTS, ...given });
}

function describeViolation(violation: ValidationError, parent = ''): string[] {
  const own = Object.entries(violation.constraints ?? {}).map(([rule, message]) =>
    rule === 'whitelistValidation' ? `there is no option ${parent}${violation.property}` : `${parent}${message}`,
  );
  const nested = (violation.children ?? []).flatMap((child) =>
    describeViolation(child, `${parent}${violation.property}.`),
  );
  return [...own, ...nested];
}
