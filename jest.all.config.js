import { everything, isWholeRun } from './jest.config.js';

process.env.TEST_DOSE = 'full';

/** @type {import('jest').Config} */
export default {
  ...everything,
  // V8 counts without changing the code: the try-it page's tests run functions in the browser.
  collectCoverage: isWholeRun,
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts', '!**/*.spec.ts'],
  coverageReporters: ['text-summary'],
};
