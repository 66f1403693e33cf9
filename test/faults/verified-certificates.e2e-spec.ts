import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { type AuthorityEvent, CellsAuthorityModule, CellsAuthorityService } from '../../src/cells-authority/index.js';
import { tlsTroubleOf } from '../../src/cells-authority/internal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { type BuiltService, buildOnce, startBuiltService } from '../support/built-service.js';
import { CertificateAuthority } from '../support/certificate-authority.js';
import { exchange } from '../support/http-exchange.js';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { answerToken } from '../support/upstream-scripts.js';
import { settled } from './resources.js';

const REQUEST = { path: '/v4.0/cells/connect/token?client_id=client&client_secret=the-secret' };
const authority = new CertificateAuthority();
const folder = mkdtempSync(join(tmpdir(), 'cells-authority-ca-'));

const fileOf = (name: string, content: string): string => {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
};

describe('A file of certificate authorities', () => {
  const whole = authority.certificate;
  const unusable: readonly (readonly [string, string])[] = [
    ['is missing', join(folder, 'missing.pem')],
    ['is empty', fileOf('empty.pem', '')],
    ['is no PEM', fileOf('text.pem', 'not a certificate\n')],
    ['is cut off', fileOf('cut.pem', whole + whole.slice(0, whole.length / 2))],
    ['holds a broken certificate', fileOf('broken.pem', whole.replace(/\n[^-]{30}/, '\n'))],
    ['holds a key alone', fileOf('key.pem', authority.issue().key)],
  ];

  it.each(unusable)('that %s fails the start, which names the setting', async (_, file) => {
    expect(() => readEnvironment({ UPSTREAM_CA_FILE: file })).toThrow(
      /^UPSTREAM_CA_FILE .*a readable PEM file of one certificate or more$/,
    );
    const start = async (options: object) =>
      NestFactory.createApplicationContext(CellsAuthorityModule.forRoot(options), {
        logger: false,
        abortOnError: false,
      });
    await expect(async () => start({ upstreamCaFile: file })).rejects.toThrow(/CellsAuthorityModule: upstreamCaFile /);
    const redisUrl = `rediss://:hidden@127.0.0.1?ca=${encodeURIComponent(file)}`;
    await expect(async () =>
      start({ tokenCache: 'redis', tokenCacheSecret: 'x'.repeat(32), redisUrl }),
    ).rejects.toThrow('"ca" file of redisUrl');
  });

  it('may hold several, and text between them', () => {
    const file = fileOf('several.pem', `# ours\n${whole}\n# theirs\n${new CertificateAuthority().certificate}`);
    expect(readEnvironment({ UPSTREAM_CA_FILE: file }).authority.upstreamCaFile).toBe(file);
  });
});

describe('A certificate that is not accepted', () => {
  const DAY_MS = 86_400_000;
  it.each([
    ['certificate_expired', { notAfter: new Date(Date.now() - DAY_MS / 2) }, authority],
    ['certificate_expired', { notBefore: new Date(Date.now() + DAY_MS / 2) }, authority],
    ['certificate_wrong_host', { hosts: ['authorization-server.invalid'] }, authority],
    ['certificate_untrusted', {}, new CertificateAuthority()],
  ] as const)('is reported as %s', async (outcome, request, trusted) => {
    const server = await startScriptedServer(answerToken, { tls: authority.issue(request) });
    const events: AuthorityEvent[] = [];
    const module = CellsAuthorityModule.forRoot({
      upstreamTokenUrl: server.tokenUrl,
      upstreamCaFile: fileOf('trusted.pem', trusted.certificate),
      credentials: { clientId: 'client', clientSecret: 'the-secret' },
      observer: (event) => events.push(event),
    });
    const app = await NestFactory.createApplicationContext(module, { logger: false });

    await expect(app.get(CellsAuthorityService).getAccessToken()).rejects.toThrow('no valid certificate');

    expect(events).toContainEqual(expect.objectContaining({ type: 'upstream_request', outcome, retried: false }));
    await app.close();
    await server.close();
  });

  it('is reported as tls_failed when the server does not speak TLS', () => {
    expect(tlsTroubleOf('ERR_SSL_WRONG_VERSION_NUMBER')).toBe('tls_failed');
    expect(tlsTroubleOf('ECONNRESET')).toBeUndefined();
  });
});

describe('With NODE_TLS_REJECT_UNAUTHORIZED=0', () => {
  let impostor: ScriptedServer;
  let service: BuiltService;

  beforeAll(async () => {
    await buildOnce();
    impostor = await startScriptedServer(answerToken, { tls: authority.issue() });
    service = await startBuiltService({
      env: {
        NODE_TLS_REJECT_UNAUTHORIZED: '0',
        UPSTREAM_TOKEN_URL: impostor.tokenUrl,
        TOKEN_CACHE: 'redis',
        TOKEN_CACHE_SECRET: 'x'.repeat(32),
        REDIS_URL: `rediss://:the-password@127.0.0.1:${impostor.port}`,
      },
    });
  }, 120_000);
  afterAll(async () => {
    await service.stop();
    await impostor.close();
  });

  it('neither the secret nor the password of Redis is sent to a server without a trusted certificate', async () => {
    const { status } = await exchange(service.origin, REQUEST);
    expect(status).toBe(502);
    // Both came: the authorization server's connection and those of Redis.
    await settled(() => impostor.connections.length >= 2);
    expect(Buffer.concat(impostor.connections.map(({ received }) => received)).toString()).toBe('');
  });

  it('a warning says that it has no effect', () => {
    expect(service.output()).toContain('NODE_TLS_REJECT_UNAUTHORIZED=0 is ignored');
  });
});
