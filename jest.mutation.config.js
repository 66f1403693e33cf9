import { everything } from './jest.config.js';

/** What `npm run mutation` runs against each mutant: tests that take milliseconds. @type {import('jest').Config} */
export default {
  ...everything,
  testEnvironment: '@stryker-mutator/jest-runner/jest-env/node',
  testMatch: ['<rootDir>/src/**/*.spec.ts'],
};
