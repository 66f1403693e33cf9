import { type FastifyInstance } from 'fastify';

/**
 * What helmet sends by default, as constants: running it for every request costs as much as the request. The content
 * security policy alone is stricter, for what is answered here is no page; the try-it page has a policy of its own.
 */
const SECURITY_HEADERS = {
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Origin-Agent-Cluster': '?1',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-DNS-Prefetch-Control': 'off',
  'X-Download-Options': 'noopen',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-Permitted-Cross-Domain-Policies': 'none',
  'X-XSS-Protection': '0',
} as const;

/** Helmet's as well; browsers ignore it over plain HTTP (RFC 6797 §7.2), and so it is not sent there. */
const TRANSPORT_SECURITY = { 'Strict-Transport-Security': 'max-age=31536000; includeSubDomains' } as const;

/** The constant headers of every reply, for a service that is reached over HTTPS or not. */
export function securityHeaders(https: boolean): Readonly<Record<string, string>> {
  return https ? { ...SECURITY_HEADERS, ...TRANSPORT_SECURITY } : SECURITY_HEADERS;
}

/** Adds them to whatever goes out through Fastify, unless the route has said otherwise. */
export function sendSecurityHeaders(fastify: FastifyInstance, headers: Readonly<Record<string, string>>): void {
  const entries = Object.entries(headers);
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    for (const [name, value] of entries) if (!reply.hasHeader(name)) void reply.header(name, value);
    done();
  });
}
