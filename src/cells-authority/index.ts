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
  AUTHORITY_SETTINGS,
  type CellsAuthorityOptions,
  type CellsAuthorityOptionsFactory,
  type CredentialsSource,
  optionViolations,
  type OwnCredentials,
} from './cells-authority.options.js';
export {
  choice,
  defaultsOf,
  integer,
  type Setting,
  type Settings,
  text,
  type ValuesOf,
  violation,
  type Violation,
  violations,
} from './setting.js';
export { CellsAuthorityService, type PostAccessTokenOptions, type TokenResponse } from './cells-authority.service.js';
export {
  type AuthorityEvent,
  type AuthorityObserver,
  SHARED_STORE_TROUBLES,
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
export { serverAttributes, traceHeaders } from './authorization-server/upstream-span.js';
export { TransportFailure, transportFailureOf } from './authorization-server/transport-failure.js';
export { type ClientCredentials, type CredentialForm } from './client-credentials/client-credentials.js';
export { type HttpRequest } from './client-credentials/http-request.js';
export { TokenRequestDto } from './dto/token-request.dto.js';
export { ErrorResponseDto, TokenResponseDto } from './dto/token-responses.dto.js';
export { OPERATION_TEXTS } from './dto/operation-texts.js';
export { composeErrorResponse, OAuthError } from './errors/oauth-error.js';
export { MAX_BODY_BYTES } from './host-adapters/body-text.js';
export { OAuthErrorFilter, TokenUnavailableFilter } from './errors/oauth-error.filter.js';
export { PUBLISHED_PATH, SDK_PATHS, type SdkPath, type TokenPath } from './token-paths.js';
export { TOKEN_REPLY_HEADERS, type TokenReply, type TokenReplyContent } from './token-reply.js';
export { TokenResponder } from './token-responder.js';
export { type TokenSession, TokenSessions } from './sessions/token-sessions.js';
export { type AuthorityNumbers } from './token-cache/token-authority.js';
export { CertificateAuthorities } from './certificate-authorities.js';
export { endTogether, ForwardProxy } from './forward-proxy.js';
export { followFiles } from './followed-files.js';
export { fingerprintOf } from './token-cache/cache-keys.js';
export { type TokenAnswer } from './token-cache/kept-token.js';
export { isTokenUrl, type TlsTrouble, tlsTroubleOf, verifiedTls, type VerifiedTls } from './verified-tls.js';
