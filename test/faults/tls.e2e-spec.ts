import { once } from 'node:events';
import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { type IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type PeerCertificate } from 'node:tls';
import { Logger } from '@nestjs/common';
import { TlsCertificate } from '../../src/http/tls-certificate.js';
import { startBuiltService } from '../support/built-service.js';
import { CertificateAuthority, type ServerCertificate } from '../support/certificate-authority.js';
import { exchange } from '../support/http-exchange.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { type RunningService, startService } from '../support/service.js';
import { answerToken } from '../support/upstream-scripts.js';
import { settled } from './resources.js';

const authority = new CertificateAuthority();
const folder = mkdtempSync(join(tmpdir(), 'cells-authority-tls-'));
const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') };

function put({ cert, key }: ServerCertificate): void {
  writeFileSync(files.TLS_CERT_FILE, cert);
  writeFileSync(files.TLS_KEY_FILE, key);
}

describe('HTTPS', () => {
  let service: RunningService;
  let port: number;
  let first: ServerCertificate;

  beforeAll(async () => {
    first = authority.issue();
    put(first);
    service = await startService(files);
    port = Number(new URL(service.origin).port);
  });
  afterAll(() => service.close());

  async function request(path = '/v4.0/cells/connect/token'): Promise<IncomingMessage> {
    const outgoing = get({ host: '127.0.0.1', port, path, ca: authority.certificate, agent: false });
    const [reply] = (await once(outgoing, 'response')) as [IncomingMessage];
    reply.resume();
    return reply;
  }

  async function served(): Promise<PeerCertificate> {
    const socket = connect({ host: '127.0.0.1', port, ca: authority.certificate });
    await once(socket, 'secureConnect');
    const certificate = socket.getPeerCertificate();
    socket.destroy();
    return certificate;
  }

  async function servedUntilOther(than: string): Promise<PeerCertificate> {
    for (;;) {
      const certificate = await served();
      if (certificate.serialNumber !== than) return certificate;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('is served, and demanded from then on', async () => {
    const reply = await request();
    expect(reply.statusCode).toBe(405);
    expect(reply.headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('refuses %s', async (version) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      minVersion: version,
      maxVersion: version,
      ciphers: 'ALL@SECLEVEL=0',
    });
    const outcome = await new Promise<string>((resolve) => {
      socket.once('secureConnect', () => {
        resolve('connected');
      });
      socket.once('error', () => {
        resolve('refused');
      });
    });
    socket.destroy();
    expect(outcome).toBe('refused');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('takes %s', async (version) => {
    const tls = { ca: authority.certificate, minVersion: version, maxVersion: version };
    const answer = await rawRequest(port, 'GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', { tls });
    expect(answer.text).toMatch(/^HTTP\/1\.1 \d{3} /);
  });

  it('does not redirect plain HTTP: what was sent in the clear is known by then', async () => {
    const { text } = await rawRequest(port, 'POST /connect/token HTTP/1.1\r\nHost: a\r\n\r\n', { waitMs: 1000 });
    expect(text).not.toContain('Location');
    expect(text).not.toContain('HTTP/1.1 3');
  });

  it('cuts off clients that do not finish the handshake', async () => {
    const client = new RawClient(port);
    client.send(Buffer.of(0x16, 0x03));
    const started = performance.now();
    const { ending } = await client.ended();
    expect(ending).not.toBe('open');
    expect(performance.now() - started).toBeLessThan(12_000);
  });

  it('uses a certificate that is replaced on disk; open connections stay open', async () => {
    const before = await served();
    const open = connect({ host: '127.0.0.1', port, ca: authority.certificate });
    await once(open, 'secureConnect');

    put(authority.issue());
    const after = await servedUntilOther(before.serialNumber);

    expect(after.serialNumber).not.toBe(before.serialNumber);
    open.write('GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const [chunk] = (await once(open, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1\.1 \d{3} /);
    open.destroy();
  });

  it('keeps the certificate while only one of the two files is new, or one is broken', async () => {
    const before = await served();
    const renewed = authority.issue();

    writeFileSync(files.TLS_CERT_FILE, renewed.cert);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect((await served()).serialNumber).toBe(before.serialNumber);
    writeFileSync(files.TLS_KEY_FILE, renewed.key.slice(0, 40));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect((await served()).serialNumber).toBe(before.serialNumber);

    // As certbot does: written beside, then moved into place.
    writeFileSync(`${files.TLS_KEY_FILE}.new`, renewed.key);
    renameSync(`${files.TLS_KEY_FILE}.new`, files.TLS_KEY_FILE);
    expect((await servedUntilOther(before.serialNumber)).serialNumber).not.toBe(before.serialNumber);
  });
});

describe('A certificate on disk that cannot be used', () => {
  const now = Date.now();
  const cutOff = (): ServerCertificate => {
    const { cert, key } = authority.issue();
    return { cert: cert + authority.certificate.slice(0, 200), key };
  };

  class ThirteenthMonth extends Date {
    override toISOString(): string {
      return '2099-13-31T00:00:00.000Z';
    }
  }

  it.each([
    [
      'has expired',
      () => authority.issue({ notBefore: new Date(now - 2e8), notAfter: new Date(now - 1e8) }),
      /in force/,
    ],
    [
      'is not valid yet',
      () => authority.issue({ notBefore: new Date(now + 1e8), notAfter: new Date(now + 2e8) }),
      /in force/,
    ],
    ['is written as far as the middle of an intermediate one', cutOff, /broken/],
    ['ends in a 13th month', () => authority.issue({ notAfter: new ThirteenthMonth() }), /broken/],
  ])('does not replace the previous one when it %s', async (_, useless, reason) => {
    const server = createServer();
    const setSecureContext = jest.spyOn(server, 'setSecureContext');
    put(authority.issue());
    const certificate = new TlsCertificate({ certFile: files.TLS_CERT_FILE, keyFile: files.TLS_KEY_FILE });
    const warned = new Promise((resolve) => {
      jest.spyOn(Logger.prototype, 'warn').mockImplementation(resolve);
    });
    certificate.follow(server);
    put(useless());
    expect(await warned).toMatch(reason);
    expect(setSecureContext).not.toHaveBeenCalled();

    const good = authority.issue();
    const replaced = new Promise((resolve) => {
      setSecureContext.mockImplementation(resolve);
    });
    put(good);
    expect(await replaced).toMatchObject(good);
    server.emit('close');
    jest.restoreAllMocks();
  });
});

describe('A certificate that cannot be used', () => {
  it.each([
    [
      'is missing',
      { TLS_CERT_FILE: '/nowhere/cert.pem', TLS_KEY_FILE: '/nowhere/key.pem' },
      /^TLS_CERT_FILE cannot be read$/,
    ],
    ['comes without its key', { TLS_CERT_FILE: files.TLS_CERT_FILE }, /TLS_KEY_FILE/],
  ])('fails the start when it %s', async (_, environment, message) => {
    await expect(startService(environment)).rejects.toThrow(message);
  });

  it('fails the start when certificate and key are of different pairs, and shows neither', async () => {
    const mixed = { TLS_CERT_FILE: join(folder, 'a.pem'), TLS_KEY_FILE: join(folder, 'b.pem') };
    writeFileSync(mixed.TLS_CERT_FILE, authority.issue().cert);
    writeFileSync(mixed.TLS_KEY_FILE, authority.issue().key);
    await expect(startService(mixed)).rejects.toThrow(
      /^TLS_CERT_FILE and TLS_KEY_FILE must be PEM files of a certificate and its own private key$/,
    );
  });
});

describe('A file of certificate authorities that changes', () => {
  it('is used for both upstreams, unless it cannot be used', async () => {
    const upstream = await startScriptedServer(answerToken, { tls: authority.issue() });
    const file = join(folder, 'followed.pem');
    writeFileSync(file, new CertificateAuthority().certificate);
    const service = await startBuiltService({
      env: {
        UPSTREAM_TOKEN_URL: upstream.tokenUrl,
        CELLS_API_URL: new URL(upstream.tokenUrl).origin,
        UPSTREAM_CA_FILE: file,
      },
    });
    const statuses = async (nth: number) => {
      const path = `/connect/token?client_id=client-${nth}&client_secret=the-secret`;
      const answers = [{ path }, { method: 'GET', path: `/v4.0/cells/${nth}` }];
      return Promise.all(answers.map(async (request) => (await exchange(service.origin, request)).status));
    };
    expect(await statuses(0)).toEqual([502, 502]);

    writeFileSync(file, authority.certificate);
    await settled(() => service.output().split('Trusting the renewed certificate authorities').length === 3);
    expect(await statuses(1)).toEqual([200, 200]);

    writeFileSync(file, authority.certificate.slice(0, -100));
    await settled(() => service.output().split('the certificate authorities before stay trusted').length === 3);
    upstream.dropConnections('FIN');
    expect(await statuses(2)).toEqual([200, 200]);
    await service.stop();
    await upstream.close();
  }, 60_000);
});
