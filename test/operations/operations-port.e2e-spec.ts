import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ENVIRONMENT_SETTINGS } from '../../src/config/environment.js';
import { type BuiltService, buildOnce, startBuiltService } from '../support/built-service.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { closedPort } from '../support/closed-port.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { settled } from '../faults/resources.js';

/** More than twice the memory of the idle process. */
const MOST_MIB = 256;
const MAX_CONNECTIONS = 64;
const CLI = join(__dirname, '..', '..', 'dist', 'cli.js');
const folder = mkdtempSync(join(tmpdir(), 'operations-port-'));
const { key, cert } = new CertificateAuthority().issue({ hosts: ['cells.example.com'] });
writeFileSync(join(folder, 'tls.crt'), cert);
writeFileSync(join(folder, 'tls.key'), key);
const TLS = { TLS_CERT_FILE: join(folder, 'tls.crt'), TLS_KEY_FILE: join(folder, 'tls.key') };

let service: BuiltService | undefined;

beforeAll(() => buildOnce(), 150_000);
afterEach(async () => {
  await service?.stop();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function start(env: Record<string, string>): Promise<Record<string, string>> {
  service = await startBuiltService({ env });
  return { ...env, PORT: new URL(service.origin).port };
}

function health(env: Record<string, string>): { code: number | null; stderr: string } {
  const { status: code, stderr } = spawnSync(process.execPath, [CLI, 'health'], { env, cwd: folder, encoding: 'utf8' });
  return { code, stderr };
}

async function statusOf(port: string, path: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  await response.text();
  return response.status;
}

/** Sends half a request, and never closes the connection. */
async function silentPeer(port: string): Promise<Socket> {
  const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined);
  await once(socket, 'connect');
  socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n');
  return socket.resume();
}

describe('METRICS_PORT', () => {
  it('serves metrics and health apart from tokens, and metrics nowhere else', async () => {
    const METRICS_PORT = String(await closedPort());
    const { PORT = '' } = await start({ METRICS_PORT });

    const answers = async (port: string) =>
      Promise.all(
        ['/metrics', '/metrics/', '/health/live', '/health/ready', '/connect/token', '/cells'].map((path) =>
          statusOf(port, path),
        ),
      );

    expect(await answers(METRICS_PORT)).toEqual([200, 404, 200, 200, 404, 404]);
    expect(await answers(PORT)).toEqual([404, 404, 200, 200, 405, 200]);
  });

  it('goes on telling that the service is not ready until it has stopped', async () => {
    const METRICS_PORT = String(await closedPort());
    await start({ METRICS_PORT, SHUTDOWN_NOTICE_MS: '1000', SHUTDOWN_GRACE_MS: '60000' });
    const stopped = service?.stop();
    while ((await statusOf(METRICS_PORT, '/health/ready')) === 200) await new Promise(setImmediate);

    expect(await statusOf(METRICS_PORT, '/health/ready')).toBe(503);
    expect(await stopped).toBe(0);
  });

  it('answers what is not proper HTTP in JSON, like the main port, and counts it', async () => {
    const METRICS_PORT = String(await closedPort());
    await start({ METRICS_PORT });
    const answers = await Promise.all(
      [
        'nonsense\r\n\r\n',
        'GET /metrics HTTP/1.1\r\n\r\n',
        'GET /metrics HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\n\r\n',
        `GET /metrics HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      ].map((bytes) => rawRequest(Number(METRICS_PORT), bytes)),
    );

    for (const [nth, status] of [400, 400, 417, 431].entries()) {
      expect(answers[nth]?.text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\n\r\n\\{"error":"invalid_request"`));
    }
    const metrics = await (await fetch(`http://127.0.0.1:${METRICS_PORT}/metrics`)).text();
    expect(metrics).toMatch(/requests_total\{.*path="other".*outcome="client_error"\} 4\n/);
  });

  it('answers one request of a connection at a time, so that clients that do not read fill no memory', async () => {
    const METRICS_PORT = String(await closedPort());
    const { PORT = '' } = await start({ METRICS_PORT });
    const clients = Array.from({ length: 10 }, () => new RawClient(Number(METRICS_PORT)));
    for (const { socket } of clients) socket.pause().write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(4000));
    await Promise.all(clients.map((client) => client.ended()));

    expect(await statusOf(PORT, '/health/live')).toBe(200);
    const memory = readFileSync(`/proc/${service?.process.pid}/status`, 'utf8');
    expect(Number(/VmHWM:\s+(\d+) kB/.exec(memory)?.[1]) / 1024).toBeLessThan(MOST_MIB);
  });

  it('takes a limited number of connections, and lets go of those whose other side is silent', async () => {
    const METRICS_PORT = String(await closedPort());
    const { PORT = '' } = await start({ METRICS_PORT });
    const peers = await Promise.all(Array.from({ length: MAX_CONNECTIONS + 6 }, () => silentPeer(METRICS_PORT)));
    await settled(() => peers.filter(({ readableEnded, destroyed }) => readableEnded || destroyed).length >= 6);

    expect(await statusOf(PORT, '/health/live')).toBe(200);
    await expect(statusOf(METRICS_PORT, '/metrics')).rejects.toThrow();
    while ((await statusOf(METRICS_PORT, '/metrics').catch(() => 0)) !== 200) await delay(100);
    for (const peer of peers) peer.destroy();
  }, 60_000);
});

describe('cells-authority health', () => {
  it.each([
    ['over HTTP', {}],
    ['over TLS, whatever host the certificate is for', TLS],
    ['on all addresses', { HOST: '0.0.0.0' }],
    ['on all addresses of IPv6 and IPv4', { HOST: '::' }],
  ])('finds the service alive %s', async (_case, env) => {
    expect(health(await start(env))).toEqual({ code: 0, stderr: '' });
  });

  it('asks at METRICS_PORT, where there is one', async () => {
    const env = await start({ ...TLS, METRICS_PORT: String(await closedPort()) });

    expect(health({ ...env, PORT: '1' })).toEqual({ code: 0, stderr: '' });
  });

  it('says that nobody is there', async () => {
    const PORT = String(await closedPort());

    expect(health({ PORT })).toEqual({ code: 1, stderr: 'cells-authority: not alive (ECONNREFUSED)\n' });
  });

  it('takes the port that the service has by default', () => {
    expect(ENVIRONMENT_SETTINGS.PORT?.default).toBe(3000);
    expect(ENVIRONMENT_SETTINGS.HOST?.default).toBe('127.0.0.1');
  });
});

describe('HOST=::', () => {
  it('takes clients of IPv4 as well', async () => {
    const { PORT } = await start({ HOST: '::' });

    expect(await statusOf(String(PORT), '/health/live')).toBe(200);
    const socket = connect(Number(PORT), 'localhost');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.destroy();
  });
});
