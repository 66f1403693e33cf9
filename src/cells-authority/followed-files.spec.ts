import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { followFiles } from './followed-files.js';

describe('Followed files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'followed-files-'));
  const key = join(folder, 'key.pem');
  let stop: () => void;

  beforeEach(() => {
    writeFileSync(key, 'key 1');
  });
  afterEach(() => {
    stop();
    jest.restoreAllMocks();
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
});
