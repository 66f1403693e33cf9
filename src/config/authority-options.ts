import { type AuthorityObserver, type CellsAuthorityOptions } from '../cells-authority/index.js';
import { type Environment } from './environment.js';

/** The module's options as the environment sets them. */
export function authorityOptions(environment: Environment, observer?: AuthorityObserver): CellsAuthorityOptions {
  return {
    upstreamTokenUrl: environment.UPSTREAM_TOKEN_URL,
    upstreamTimeoutMs: environment.UPSTREAM_TIMEOUT_MS,
    upstreamConnectTimeoutMs: environment.UPSTREAM_CONNECT_TIMEOUT_MS,
    upstreamCaFile: environment.UPSTREAM_CA_FILE,
    upstreamMaxConnections: environment.UPSTREAM_MAX_CONNECTIONS,
    queryCredentials: environment.QUERY_CREDENTIALS,
    tokenCache: environment.TOKEN_CACHE,
    tokenCacheMaxEntries: environment.TOKEN_CACHE_MAX_ENTRIES,
    tokenMaxAgeS: environment.TOKEN_MAX_AGE_S,
    sdkTokenMaxAgeS: environment.SDK_TOKEN_MAX_AGE_S,
    redisUrl: environment.REDIS_URL,
    tokenCacheSecret: environment.TOKEN_CACHE_SECRET,
    observer,
  };
}
