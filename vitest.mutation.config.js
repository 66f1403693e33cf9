import swc from 'unplugin-swc';
import { defineConfig } from 'vitest/config';

const CORE = [
  'cells-authority/authorization-server',
  'cells-authority/client-credentials',
  'cells-authority/errors',
  'cells-authority/shared-store',
  'cells-authority/token-cache',
  'cells-gateway',
];

/**
 * What `npm run mutation` runs against each mutant: the unit tests, which take milliseconds. Vitest, because it only
 * loads again what a test imports: a mutant took jest some 4 seconds, and takes Vitest half of one.
 */
export default defineConfig({
  plugins: [
    swc.vite({
      swcrc: false,
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
      },
    }),
  ],
  test: {
    include: CORE.map((folder) => `src/${folder}/*.spec.ts`),
    setupFiles: ['test/support/jest-in-vitest.js'],
    globals: true,
    isolate: false,
    // A mutant whose promise never settles would otherwise take five seconds.
    testTimeout: 3000,
    hookTimeout: 3000,
  },
});
