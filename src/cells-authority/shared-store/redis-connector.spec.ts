import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer, type Server, TLSSocket } from 'node:tls';
import { Logger } from '@nestjs/common';
import { CertificateAuthority } from '../../../test/support/certificate-authority.js';
import { redisConnector } from './redis-connector.js';
import { RedisTls } from './redis-tls.js';
import { Handshakes } from './redis-trouble.js';

describe('A connection that ioredis has made here', () => {
  const [authority, other] = [new CertificateAuthority(), new CertificateAuthority()];
  let folder: string;
  let file: string;
  let server: Server;
  let tls: RedisTls;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'redis-connector-'));
    file = join(folder, 'ca.pem');
    writeFileSync(file, other.certificate);
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    tls = new RedisTls({ caFile: file, client: undefined });
    server = createServer(authority.issue());
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(async () => {
    tls.close();
    jest.restoreAllMocks();
    jest.useRealTimers();
    rmSync(folder, { recursive: true });
    await once(server.close(), 'close');
  });

  const connector = () => {
    const Connector = redisConnector(new Handshakes(), tls);
    return new Connector({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  };

  it('outlives every error of its socket, of which TLS may have two', async () => {
    const socket = await connector().connect(() => undefined);
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect(() => socket.emit('error', new Error('an alert'))).not.toThrow();
  });

  it('trusts the certificate authorities of now, not those of the start', async () => {
    const made = connector();
    jest.spyOn(Logger.prototype, 'log').mockImplementation();
    writeFileSync(file, authority.certificate);
    while (tls.options.ca !== authority.certificate) {
      jest.advanceTimersByTime(1000);
      await turn();
    }
    const socket = await made.connect(() => undefined);
    await once(socket, 'secureConnect');
    expect(socket).toBeInstanceOf(TLSSocket);
    const closed = once(socket, 'close');
    made.disconnect();
    await closed;
  });
});
