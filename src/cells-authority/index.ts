export { CellsAuthorityController } from './cells-authority.controller.js';
export { CellsAuthorityModule } from './cells-authority.module.js';
export { type CellsAuthorityExtras } from './cells-authority.module-definition.js';
export { CellsAuthorityOptions, type CellsAuthorityOptionsFactory, OwnCredentials } from './cells-authority.options.js';
export {
  CellsAuthorityService,
  type PostAccessTokenOptions,
  type TokenPath,
  type TokenResponse,
} from './cells-authority.service.js';
export {
  type AuthorityEvent,
  type AuthorityObserver,
  type TokenSource,
  type UpstreamOutcome,
} from './authority-observer.js';
export {
  ASPOSE_API_ORIGIN,
  CellsApiAuthorization,
  type CellsApiAuthorizationOptions,
} from './cells-api/cells-api-authorization.js';
export { type ClientCredentials } from './client-credentials/client-credentials.js';
export { TokenRequestDto } from './dto/token-request.dto.js';
export { TokenResponseDto } from './dto/token-response.dto.js';
export { ErrorResponseDto } from './dto/error-response.dto.js';
export { OPERATION_TEXTS } from './dto/operation-texts.js';
export { CLIENT_CREDENTIALS_SCHEME } from './dto/post-access-token.api.js';
export { OAuthError } from './errors/oauth-error.js';
export { PUBLISHED_PATH, SDK_PATHS } from './token-paths.js';
export { TOKEN_REPLY_HEADERS } from './token-reply.js';
export { type AuthorityNumbers } from './token-cache/token-authority.js';
export { type TokenAnswer } from './token-cache/token-answer.js';
export { readCertificateAuthorities, verifiedTls, type VerifiedTls } from './verified-tls.js';
