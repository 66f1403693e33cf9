/**
 * What the try-it page may load: its own origin's scripts and documents, and nothing from anywhere else. Swagger UI
 * writes its styles inline, its scripts it does not; its icons, and ours, are `data:` images.
 */
export const TRY_IT_PAGE_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
