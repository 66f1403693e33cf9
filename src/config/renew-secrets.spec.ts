import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type CellsAuthorityService } from '../cells-authority/index.js';
import { followFiles } from '../cells-authority/internal.js';
import { SECRET_VARIABLES } from './environment.js';
import { renewSecrets } from './renew-secrets.js';

jest.mock('../cells-authority/internal.js', () => ({
  ...jest.requireActual<object>('../cells-authority/internal.js'),
  followFiles: jest.fn(() => () => undefined),
}));

describe('Renewing secrets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'renew-secrets-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('watches the files of those that can be renewed, and of no others', () => {
    const fileOf = (name: string) => join(folder, name);
    for (const name of SECRET_VARIABLES) writeFileSync(fileOf(name), 'a secret');
    const source = Object.fromEntries(SECRET_VARIABLES.map((name) => [`${name}_FILE`, fileOf(name)]));

    renewSecrets(source, {} as CellsAuthorityService, pino({ level: 'silent' }));

    expect(jest.mocked(followFiles).mock.calls.map(([files]) => files)).toEqual([
      ['REDIS_URL', 'TOKEN_CACHE_SECRET'].map(fileOf),
    ]);
    expect(SECRET_VARIABLES.length).toBeGreaterThan(2);
  });
});
