import { plainToInstance, Transform } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  Validate,
  ValidateIf,
  validateSync,
  type ValidationError,
} from 'class-validator';
import { ASPOSE_API_ORIGIN, CertificateFileConstraint, TokenUrlConstraint } from '../cells-authority/index.js';
import { CellsApiUrlConstraint } from './cells-api-url.js';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** Environment values are text; what looks like no integer is left as it is, for the validator to refuse. */
function Integer(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value,
  );
}

/** The service's environment, typed and validated; every variable is optional. */
export class Environment {
  @IsString()
  @IsNotEmpty()
  HOST = '127.0.0.1';

  @Integer()
  @IsInt()
  @Min(0)
  @Max(65_535)
  PORT = 3000;

  @Validate(TokenUrlConstraint)
  UPSTREAM_TOKEN_URL = 'https://api.aspose.cloud/connect/token';

  @Integer()
  @IsInt()
  @Min(100)
  @Max(60_000)
  UPSTREAM_TIMEOUT_MS = 8000;

  @Integer()
  @IsInt()
  @Min(50)
  @Max(60_000)
  UPSTREAM_CONNECT_TIMEOUT_MS = 2000;

  @IsOptional()
  @Validate(CertificateFileConstraint)
  UPSTREAM_CA_FILE?: string;

  @Integer()
  @IsInt()
  @Min(1)
  @Max(1024)
  UPSTREAM_MAX_CONNECTIONS = 64;

  @IsIn(['allow', 'deny'])
  QUERY_CREDENTIALS: 'allow' | 'deny' = 'allow';

  @IsIn(['memory', 'redis', 'off'])
  TOKEN_CACHE: 'memory' | 'redis' | 'off' = 'memory';

  @Integer()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  TOKEN_CACHE_MAX_ENTRIES = 10_000;

  @IsOptional()
  @Integer()
  @IsInt()
  @Min(1)
  @Max(31_536_000)
  TOKEN_MAX_AGE_S?: number;

  @Integer()
  @IsInt()
  @Min(1)
  @Max(31_536_000)
  SDK_TOKEN_MAX_AGE_S = 60;

  @Matches(/^rediss?:\/\//, { message: 'a redis:// or rediss:// URL' })
  REDIS_URL = 'redis://127.0.0.1:6379';

  @ValidateIf(
    ({ TOKEN_CACHE, TOKEN_CACHE_SECRET }: Environment) => TOKEN_CACHE === 'redis' || TOKEN_CACHE_SECRET !== undefined,
  )
  @Matches(/^[^,]{32,}(?:,[^,]{32,})*$/, {
    message: '32 characters or more, required with TOKEN_CACHE=redis; new,old while rotating',
  })
  TOKEN_CACHE_SECRET?: string;

  @IsOptional()
  @Matches(/^[0-9a-fA-F.:]+(?:\/\d{1,3})?(?:\s*,\s*[0-9a-fA-F.:]+(?:\/\d{1,3})?)*$/, {
    message: 'IP addresses or CIDRs, separated by commas',
  })
  TRUST_PROXY?: string;

  @ValidateIf(({ TLS_CERT_FILE, TLS_KEY_FILE }: Environment) => (TLS_CERT_FILE ?? TLS_KEY_FILE) !== undefined)
  @IsNotEmpty({ message: 'a PEM file, together with TLS_KEY_FILE' })
  TLS_CERT_FILE?: string;

  @ValidateIf(({ TLS_CERT_FILE, TLS_KEY_FILE }: Environment) => (TLS_CERT_FILE ?? TLS_KEY_FILE) !== undefined)
  @IsNotEmpty({ message: 'a PEM file, together with TLS_CERT_FILE' })
  TLS_KEY_FILE?: string;

  @IsOptional()
  @Matches(/^https?:\/\/[^\s/,]+(?:\s*,\s*https?:\/\/[^\s/,]+)*$/, {
    message: 'origins such as https://app.example.com, separated by commas',
  })
  CORS_ORIGINS?: string;

  @Validate(CellsApiUrlConstraint)
  CELLS_API_URL = ASPOSE_API_ORIGIN;

  @Integer()
  @IsInt()
  @Min(1)
  @Max(65_536)
  CELLS_API_MAX_BODY_MIB = 512;

  @Integer()
  @IsInt()
  @Min(100)
  @Max(3_600_000)
  CELLS_API_TIMEOUT_MS = 600_000;

  @IsIn(['on', 'off'])
  DOCS: 'on' | 'off' = 'on';

  @IsIn(['on', 'off'])
  METRICS: 'on' | 'off' = 'on';

  @IsIn(LEVELS)
  LOG_LEVEL: (typeof LEVELS)[number] = 'info';

  @ValidateIf(
    ({ ASPOSE_CLIENT_ID, ASPOSE_CLIENT_SECRET }: Environment) =>
      (ASPOSE_CLIENT_ID ?? ASPOSE_CLIENT_SECRET) !== undefined,
  )
  @IsNotEmpty({ message: 'given together with ASPOSE_CLIENT_SECRET' })
  ASPOSE_CLIENT_ID?: string;

  @ValidateIf(
    ({ ASPOSE_CLIENT_ID, ASPOSE_CLIENT_SECRET }: Environment) =>
      (ASPOSE_CLIENT_ID ?? ASPOSE_CLIENT_SECRET) !== undefined,
  )
  @IsNotEmpty({ message: 'given together with ASPOSE_CLIENT_ID' })
  ASPOSE_CLIENT_SECRET?: string;

  @Integer()
  @IsInt()
  @Min(0)
  @Max(600_000)
  SHUTDOWN_GRACE_MS = 5000;
}

/** Names of all variables. */
export const ENVIRONMENT_NAMES = [
  ...Object.keys(new Environment()),
  'UPSTREAM_CA_FILE',
  'TOKEN_MAX_AGE_S',
  'TOKEN_CACHE_SECRET',
  'TRUST_PROXY',
  'TLS_CERT_FILE',
  'TLS_KEY_FILE',
  'CORS_ORIGINS',
  'ASPOSE_CLIENT_ID',
  'ASPOSE_CLIENT_SECRET',
] as (keyof Environment)[];

/** Variables whose values are never printed. */
export const SECRET_NAMES: ReadonlySet<string> = new Set([
  'TOKEN_CACHE_SECRET',
  'ASPOSE_CLIENT_ID',
  'ASPOSE_CLIENT_SECRET',
  'REDIS_URL',
]);

/**
 * Reads the variables out of an environment; an empty one counts as not set.
 *
 * @throws Error whose message names each wrong variable, what it was (unless secret) and what is allowed.
 */
export function readEnvironment(source: Readonly<Record<string, string | undefined>>): Environment {
  const given = Object.fromEntries(
    ENVIRONMENT_NAMES.flatMap((name) => {
      const value = source[name]?.trim();
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  const environment = plainToInstance(Environment, given, { exposeDefaultValues: true });
  const violations = validateSync(environment, { stopAtFirstError: true });
  if (violations.length > 0) throw new Error(violations.map(describe).join('\n'));
  return environment;
}

function describe({ property, value, constraints }: ValidationError): string {
  const allowed = Object.values(constraints ?? {})[0]?.replace(`${property} must be `, '') ?? '';
  const was =
    value === undefined ? 'is missing' : SECRET_NAMES.has(property) ? 'is not valid' : `is "${String(value)}"`;
  return `${property} ${was}; allowed: ${allowed}`;
}
