import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import fileSystem from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { followFiles } from './followed-files.js';

describe('Followed files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'followed-files-'));
  const cert = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  let stop: () => void;

  beforeEach(() => {
    writeFileSync(cert, 'cert 1');
    writeFileSync(key, 'key 1');
  });
  afterEach(() => {
    stop();
    jest.restoreAllMocks();
    jest.useRealTimers();
    rmSync(cert);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('are followed on after a change that could not be used; the log does not quote them', async () => {
    const warned = new Promise((resolve) => {
      jest.spyOn(Logger.prototype, 'warn').mockImplementation(resolve);
    });
    const used = new Promise((resolve) => {
      stop = followFiles([key], ['key 1'], ([text]) => {
        if (text === 'key 2') throw new RangeError(text);
        resolve(text);
      });
    });

    writeFileSync(key, 'key 2');
    expect(await warned).toBe(`Could not use the changed contents of ${key} (RangeError)`);
    writeFileSync(key, 'key 3');
    expect(await used).toBe('key 3');
  });

  it('count as unchanged when a pipe takes their place: it is not opened', async () => {
    const changed = new Promise((resolve) => {
      stop = followFiles([cert, key], ['cert 1', 'key 1'], resolve);
    });

    rmSync(cert);
    execFileSync('mkfifo', [cert]);
    writeFileSync(key, 'key 2');

    expect(await changed).toEqual(['cert 1', 'key 2']);
  });

  it('are not opened while another one hangs, and are followed on afterwards', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    // Reading the three files takes fewer steps than this.
    const allRead = async () => {
      for (let i = 0; i < 50; i += 1) await fileSystem.stat(key);
    };
    const second = () => {
      jest.advanceTimersByTime(1000);
      return allRead();
    };
    let goOn: (text: string) => void = () => undefined;
    const readFile = jest.spyOn(fileSystem, 'readFile').mockReturnValueOnce(
      new Promise((resolve) => {
        goOn = resolve;
      }),
    );
    const changed = jest.fn();
    const stops = [cert, cert, key].map((file) => followFiles([file], ['before'], changed));
    stop = () => {
      for (const stopOne of stops) stopOne();
    };

    for (let i = 0; i < 5; i += 1) await second();
    expect(readFile).toHaveBeenCalledTimes(1);

    goOn('cert 1');
    await allRead();
    expect(readFile).toHaveBeenCalledTimes(3);
    while (changed.mock.calls.length < 3) await second();
    expect(changed.mock.calls.flat(2).sort()).toEqual(['cert 1', 'cert 1', 'key 1']);
  });
});
