import { availableParallelism } from 'node:os';
import { bundledPackages } from './test/bundled-packages.js';
import { FULL_DOSE_ONLY } from './test/full-dose.js';

/** What `npm run test:all` runs. @type {import('jest').Config} */
export const everything = {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts', '**/*.e2e-spec.ts'],
  globalSetup: '<rootDir>/test/bundled-packages.js',
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1', ...bundledPackages },
  transform: {
    '^.+\\.(t|j)s$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'commonjs' },
      },
    ],
  },
  setupFilesAfterEnv: ['<rootDir>/test/support/close-leftovers.setup.ts'],
  testTimeout: 30_000,
  // Tests wait more than they compute.
  maxWorkers: availableParallelism() + 1,
};

// Whoever names a suite wants it run.
export const isWholeRun = process.argv.slice(2).every((argument) => argument.startsWith('-'));

/** What `npm test` runs. @type {import('jest').Config} */
export default {
  ...everything,
  // Two more than there are cores: with the small doses no suite needs a core for itself, and some wait for seconds.
  maxWorkers: availableParallelism() + 2,
  testPathIgnorePatterns: isWholeRun ? FULL_DOSE_ONLY.map(({ path }) => `<rootDir>/${path}`) : [],
  reporters: isWholeRun ? ['default', '<rootDir>/test/left-out.reporter.js'] : ['default'],
};
