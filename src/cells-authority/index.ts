export { CellsAuthorityController } from './cells-authority.controller.js';
export {
  getCellsApiAuthorizationToken,
  getCellsAuthorityToken,
  InjectCellsApiAuthorization,
  InjectCellsAuthority,
} from './named-modules.js';
export { CELLS_AUTHORITY_OPTIONS } from './injection-tokens.js';
export { type RedisClient } from './shared-store/redis-commands.js';
export { CellsAuthorityModule } from './cells-authority.module.js';
export { type CellsAuthorityExtras } from './cells-authority.module-definition.js';
export {
  type CellsAuthorityOptions,
  type CellsAuthorityOptionsFactory,
  type CredentialsSource,
  type OwnCredentials,
} from './cells-authority.options.js';
export { CellsAuthorityService, type PostAccessTokenOptions, type TokenResponse } from './cells-authority.service.js';
export {
  type AuthorityEvent,
  type AuthorityObserver,
  type SharedStoreOperation,
  type SharedStoreOutcome,
  type SharedStoreTrouble,
  type TokenRequestOutcome,
  type TokenSource,
  type UpstreamOutcome,
} from './authority-observer.js';
export { logEvents } from './log-events.js';
export { type AnyAxiosInstance } from './cells-api/authorized-axios.js';
export { type CellsSdk } from './cells-api/authorized-sdk.js';
export {
  ASPOSE_API_ORIGIN,
  CellsApiAuthorization,
  type CellsApiAuthorizationOptions,
} from './cells-api/cells-api-authorization.js';
export { type ClientCredentials, type CredentialForm } from './client-credentials/client-credentials.js';
export { TokenRequestDto } from './dto/token-request.dto.js';
export { ErrorResponseDto, TokenResponseDto } from './dto/token-responses.dto.js';
export { OAuthError } from './errors/oauth-error.js';
export { OAuthErrorFilter, TokenUnavailableFilter } from './errors/oauth-error.filter.js';
export { PUBLISHED_PATH, SDK_PATHS, type SdkPath, type TokenPath } from './token-paths.js';
export { type TokenSession, TokenSessions } from './sessions/token-sessions.js';
export { type TlsTrouble } from './verified-tls.js';
