import { type IncomingMessage } from 'node:http';
import { all as proxyAddresses, compile } from '@fastify/proxy-addr';
import { TOKEN_REPLY_HEADERS } from '../cells-authority/internal.js';
import { type CellsGatewayOptions } from '../cells-gateway/cells-gateway.options.js';
import { type GatewayObserver } from '../cells-gateway/gateway-observer.js';
import { requestIds } from '../http/request-ids.js';
import { securityHeaders } from '../http/security-headers.js';
import { type Environment } from './environment.js';
import { listOf } from './service-settings.js';

/** The gateway's options as the environment sets them. */
export function gatewayOptions(environment: Environment, observer: GatewayObserver): CellsGatewayOptions {
  return {
    apiUrl: environment.CELLS_API_URL,
    maxBodyMib: environment.CELLS_API_MAX_BODY_MIB,
    timeoutMs: environment.CELLS_API_TIMEOUT_MS,
    connectTimeoutMs: environment.authority.upstreamConnectTimeoutMs,
    caFile: environment.authority.upstreamCaFile,
    ...(environment.authority.upstreamProxyUrl === undefined
      ? {}
      : { proxyUrl: environment.authority.upstreamProxyUrl }),
    ownHeaders: { ...TOKEN_REPLY_HEADERS, ...securityHeaders(environment.TLS_CERT_FILE !== undefined) },
    requestId: requestIds(),
    clientAddress: clientAddresses(environment.TRUST_PROXY),
    observer,
  };
}

/** Finds a client's address in the same way as Fastify does for token requests. It is gone with the connection. */
function clientAddresses(trustedProxies: string | undefined): (request: IncomingMessage) => string {
  if (trustedProxies === undefined) return ({ socket }) => socket.remoteAddress ?? 'unknown';
  const trusted = compile(listOf(trustedProxies));
  return (request) => proxyAddresses(request, trusted).at(-1) ?? 'unknown';
}
