/**
 * What the service and the gateway of this repository use of the library, beside its public API in `index.ts`. The package
 * does not export it.
 */
export { AUTHORITY_SETTINGS, optionViolations } from './cells-authority.options.js';
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
export { SHARED_STORE_TROUBLES } from './authority-observer.js';
export { sdkTracerProvider, serverAttributes, traceHeaders } from './authorization-server/upstream-span.js';
export { TransportFailure, transportFailureOf } from './authorization-server/transport-failure.js';
export { OPERATION_TEXTS } from './dto/operation-texts.js';
export { composeErrorResponse } from './errors/oauth-error.js';
export { MAX_BODY_BYTES } from './host-adapters/body-text.js';
export { TOKEN_REPLY_HEADERS, type TokenReply, type TokenReplyContent } from './token-reply.js';
export { TokenResponder } from './token-responder.js';
export { CertificateAuthorities } from './certificate-authorities.js';
export { failTogether, ForwardProxy } from './forward-proxy.js';
export { followFiles } from './followed-files.js';
export { fingerprintOf } from './token-cache/cache-keys.js';
export { isTokenUrl, tlsTroubleOf, verifiedTls } from './verified-tls.js';
