/** What `--help` prints. */
export const USAGE = `cells-authority: tokens for Aspose.Cells Cloud

Usage:
  cells-authority [start]        run the service
  cells-authority token          print an access token for ASPOSE_CLIENT_ID and ASPOSE_CLIENT_SECRET
  cells-authority --print-config print the effective configuration as JSON, secrets masked
  cells-authority --version      print the version
  cells-authority --help         print this

Everything is set by environment variables, or a file .env in the current folder; all are optional.

  HOST, PORT                     where to listen (127.0.0.1, 3000)
  UPSTREAM_TOKEN_URL             token endpoint (https://api.aspose.cloud/connect/token)
  UPSTREAM_TIMEOUT_MS            for everything, the retry included (8000)
  UPSTREAM_CONNECT_TIMEOUT_MS    (2000)
  UPSTREAM_CA_FILE               PEM file, for a private authorization server
  UPSTREAM_MAX_CONNECTIONS       (64)
  QUERY_CREDENTIALS              allow, or deny to refuse secrets in URLs (allow)
  TOKEN_CACHE                    memory, redis or off (memory)
  TOKEN_CACHE_MAX_ENTRIES        (10000)
  TOKEN_MAX_AGE_S                reuse a token no longer than this, on the published path
  SDK_TOKEN_MAX_AGE_S            the same on the paths of SDKs (60)
  REDIS_URL                      (redis://127.0.0.1:6379)
  TOKEN_CACHE_SECRET             required with TOKEN_CACHE=redis: 32+ characters; new,old while rotating
  TRUST_PROXY                    CIDRs whose X-Forwarded-* is believed
  TLS_CERT_FILE, TLS_KEY_FILE    serve HTTPS
  CORS_ORIGINS                   origins whose pages may ask for tokens
  DOCS, METRICS                  on or off (on)
  LOG_LEVEL                      fatal, error, warn, info, debug, trace or silent (info)
  ASPOSE_CLIENT_ID, ASPOSE_CLIENT_SECRET
                                 what "token" uses; the service never does
  SHUTDOWN_GRACE_MS              (5000)

Exit codes: 0; 1 when it failed; 2 when there is no such command.
`;
