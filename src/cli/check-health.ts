import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { environmentSource } from '../config/environment-source.js';

const TIMEOUT_MS = 2000;

/**
 * Asks the service that runs here with the same environment whether it is alive. The certificate is not verified,
 * because it need not name the loopback address and nothing secret is sent. The defaults of `SERVICE_SETTINGS` are
 * repeated here: loading that file would take longer than the request.
 *
 * @returns the exit code, 0 or 1; the reason is on stderr.
 */
export async function checkHealth(): Promise<number> {
  try {
    const { HOST, PORT = '3000', METRICS_PORT, TLS_CERT_FILE } = withoutEmpty(environmentSource());
    const port = Number(METRICS_PORT ?? PORT);
    const tls = METRICS_PORT === undefined && TLS_CERT_FILE !== undefined;
    const request = tls ? (await import('node:https')).request : httpRequest;
    const options = {
      host: reachable(HOST),
      port,
      path: '/health/live',
      timeout: TIMEOUT_MS,
      rejectUnauthorized: false,
    };
    const sent = request(options).end();
    sent.once('timeout', () => {
      sent.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    });
    const [{ statusCode }] = (await once(sent, 'response')) as [IncomingMessage];
    sent.destroy();
    if (statusCode === 200) return 0;
    return unhealthy(`status ${String(statusCode)}`);
  } catch (error) {
    if (!(error instanceof Error)) return unhealthy('no answer');
    return unhealthy('code' in error ? String(error.code) : error.message);
  }
}

function unhealthy(reason: string): number {
  process.stderr.write(`cells-authority: not alive (${reason})\n`);
  return 1;
}

/** A service that listens on all addresses also listens on the loopback one. */
function reachable(host = '127.0.0.1'): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  // Without IPv6, `::` means all IPv4 addresses.
  return host === '::' ? 'localhost' : host;
}

function withoutEmpty(source: ReturnType<typeof environmentSource>): Partial<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(source).flatMap(([name, value]) => (value?.trim() ? [[name, value.trim()]] : [])),
  );
}
