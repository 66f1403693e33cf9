import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { CertificateAuthority } from '../../../test/support/certificate-authority.js';
import { RedisTls } from './redis-tls.js';

const CA_COMPLAINT = 'CellsAuthorityModule: the "ca" file of redisUrl must be a readable PEM file of certificates';
const OWN_COMPLAINT =
  'CellsAuthorityModule: the "cert" and "key" files of redisUrl must be PEM files of a certificate and its own private key';

describe('RedisTls', () => {
  const ca = new CertificateAuthority();
  const [own, other] = [ca.issue(), ca.issue()];
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'redis-tls-'));
    const files = {
      'ca.pem': ca.certificate,
      'own.pem': own.cert,
      'own.key': own.key,
      'other.key': other.key,
      bad: 'x',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const tls = (caFile?: string, certFile?: string, keyFile = '') =>
    new RedisTls({
      caFile: caFile === undefined ? undefined : join(folder, caFile),
      client: certFile === undefined ? undefined : { certFile: join(folder, certFile), keyFile: join(folder, keyFile) },
    });

  it('verifies the server, by the authorities of the file or Node’s own', () => {
    const [pinned, usual] = [tls('ca.pem'), tls()];
    expect(pinned.options).toMatchObject({ rejectUnauthorized: true, ca: ca.certificate });
    expect(usual.options).toMatchObject({ rejectUnauthorized: true });
    expect(usual.options).not.toHaveProperty('ca');
    expect(usual.options).not.toHaveProperty('cert');
    for (const each of [pinned, usual]) each.close();
  });

  it('shows its own certificate', () => {
    const shown = tls('ca.pem', 'own.pem', 'own.key');
    expect(shown.options).toMatchObject({ cert: own.cert, key: own.key });
    shown.close();
  });

  it.each<[string, Parameters<typeof tls>, string]>([
    ['authorities that are not there', ['none'], CA_COMPLAINT],
    ['authorities that are none', ['bad'], CA_COMPLAINT],
    ['a certificate that is not there', [undefined, 'none', 'own.key'], OWN_COMPLAINT],
    ['a certificate that is none', [undefined, 'bad', 'own.key'], OWN_COMPLAINT],
    ['a key that is not there', [undefined, 'own.pem', 'none'], OWN_COMPLAINT],
    ['a key that is none', [undefined, 'own.pem', 'bad'], OWN_COMPLAINT],
    ['the key of another certificate', [undefined, 'own.pem', 'other.key'], OWN_COMPLAINT],
  ])('refuses %s, without quoting anything', (_name, files, complaint) => {
    expect(() => tls(...files)).toThrow(new Error(complaint));
  });

  describe('while its files change', () => {
    /** Lets the time pass in which the files are read again. */
    async function until(isTrue: () => boolean): Promise<void> {
      while (!isTrue()) {
        jest.advanceTimersByTime(1000);
        await turn();
      }
    }

    let followed: RedisTls;

    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
      writeFileSync(join(folder, 'followed.ca'), ca.certificate);
      writeFileSync(join(folder, 'followed.pem'), own.cert);
      writeFileSync(join(folder, 'followed.key'), own.key);
      followed = tls('followed.ca', 'followed.pem', 'followed.key');
    });
    afterEach(() => {
      followed.close();
    });

    it('shows the renewed certificate', async () => {
      writeFileSync(join(folder, 'followed.pem'), other.cert);
      writeFileSync(join(folder, 'followed.key'), other.key);
      await until(() => followed.options.cert === other.cert);
      expect(followed.options).toMatchObject({ key: other.key, ca: ca.certificate });
    });

    it('trusts the renewed authorities, and the log says of which setting', async () => {
      const renewed = new CertificateAuthority().certificate;
      const log = jest.spyOn(Logger.prototype, 'log').mockImplementation();
      writeFileSync(join(folder, 'followed.ca'), renewed);
      await until(() => followed.options.ca === renewed);
      expect(log.mock.calls).toEqual([
        ['Trusting the renewed certificate authorities of "ca" of redisUrl (REDIS_URL)'],
      ]);
    });

    it.each([
      ['of another certificate', () => other.key],
      ['that is none', () => 'x'],
    ])('keeps its certificate and warns when the key becomes one %s', async (_name, text) => {
      const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
      writeFileSync(join(folder, 'followed.key'), text());
      await until(() => warn.mock.calls.length > 0);
      expect(warn.mock.calls).toEqual([
        [
          'The client certificate for Redis on disk is broken, or its key does not belong to it; the one before stays in use',
        ],
      ]);
      expect(followed.options).toMatchObject({ cert: own.cert, key: own.key });
    });

    it('reads them no more once it is closed', () => {
      expect(jest.getTimerCount()).toBe(2);
      followed.close();
      expect(jest.getTimerCount()).toBe(0);
    });
  });
});
