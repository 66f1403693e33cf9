/** Suites that `npm test` leaves out, and what each of them needs the time for; `npm run test:all` runs them. */
export const FULL_DOSE_ONLY = [
  { path: 'test/operations/image.e2e-spec.ts', why: 'installs what the Dockerfile installs' },
  { path: 'test/package/package.e2e-spec.ts', why: 'installs the packed library into a fresh application' },
  { path: 'test/redis/redis-faults.e2e-spec.ts', why: 'waits for a Redis that is slow, silent or gone' },
  {
    path: 'test/faults/leaks.e2e-spec.ts',
    why: 'starts a service for every upstream fault and scans all that it writes',
  },
];

/** Suites that `npm test` runs with less load; they read `TEST_DOSE`. */
export const SMALL_DOSES = [
  { path: 'test/faults/fuzzing.e2e-spec.ts', what: '5,000 generated requests instead of 200,000' },
  { path: 'test/faults/wrong-token.e2e-spec.ts', what: '10,000 requests of other clients instead of 200,000' },
];
