import { type FastifyCorsOptions } from '@fastify/cors';

/** Lets pages of these origins request tokens and read the answers, without cookies. */
export function crossOriginOptions(origins: string): FastifyCorsOptions {
  return {
    origin: origins.split(',').map((origin) => origin.trim().replace(/\/$/, '')),
    methods: ['POST'],
    allowedHeaders: ['Authorization', 'Cache-Control', 'Content-Type', 'X-Request-Id'],
    exposedHeaders: ['Retry-After', 'WWW-Authenticate', 'X-Request-Id'],
    credentials: false,
    maxAge: 600,
    // Otherwise an OPTIONS that is not a preflight would be answered with plain text.
    strictPreflight: false,
  };
}
