/** Suites that `npm test` leaves out, and what each of them needs the time for; `npm run test:all` runs them. */
export const FULL_DOSE_ONLY = [
  { path: 'test/docs/post-access-token.e2e-spec.ts', why: 'runs the lines of the documentation in eight languages' },
  { path: 'test/docs/try-it-page.e2e-spec.ts', why: 'uses the page in a browser' },
  { path: 'test/faults/balancers.e2e-spec.ts', why: 'restarts three services behind two balancers' },
  { path: 'test/faults/forward-proxy.e2e-spec.ts', why: 'starts a service for every proxy' },
  {
    path: 'test/faults/leaks.e2e-spec.ts',
    why: 'starts a service for every upstream fault and scans all that it writes',
  },
  { path: 'test/faults/shutdown.e2e-spec.ts', why: 'stops services under load' },
  { path: 'test/faults/stuck-connections.e2e-spec.ts', why: 'waits for peers that are silent' },
  { path: 'test/faults/tls.e2e-spec.ts', why: 'waits for certificates that are renewed on disk' },
  { path: 'test/faults/wrong-token.e2e-spec.ts', why: 'sends 200,000 requests of other clients' },
  { path: 'test/gateway/session-secrecy.e2e-spec.ts', why: 'searches the heap of a process' },
  { path: 'test/gateway/stand-in.e2e-spec.ts', why: 'sends files of up to 300 MiB both ways' },
  { path: 'test/gateway/streaming.e2e-spec.ts', why: 'sends bodies of up to 300 MiB, some of them slowly' },
  { path: 'test/hosts/ends-by-itself.e2e-spec.ts', why: 'waits for the ends of host processes' },
  { path: 'test/operations/alerts.e2e-spec.ts', why: 'has Prometheus judge each alert' },
  { path: 'test/operations/command-line.e2e-spec.ts', why: 'starts a process for every way to call it' },
  { path: 'test/operations/image.e2e-spec.ts', why: 'installs what the Dockerfile installs' },
  {
    path: 'test/operations/kubernetes.e2e-spec.ts',
    why: 'has the compiler look for fields that Kubernetes does not know',
  },
  { path: 'test/operations/log-output.e2e-spec.ts', why: 'starts a service for every output that cannot be written' },
  { path: 'test/operations/operations-port.e2e-spec.ts', why: 'starts a service for every way to ask for its health' },
  { path: 'test/operations/start-dev.e2e-spec.ts', why: 'compiles the service anew' },
  { path: 'test/operations/traces.e2e-spec.ts', why: 'starts services with an SDK of OpenTelemetry' },
  { path: 'test/package/recipes.e2e-spec.ts', why: 'runs jest and vitest as a host would' },
  { path: 'test/package/package.e2e-spec.ts', why: 'installs the packed library into a fresh application' },
  { path: 'test/redis/redis-faults.e2e-spec.ts', why: 'waits for a Redis that is slow, silent or gone' },
  { path: 'test/redis/renewed-secrets.e2e-spec.ts', why: 'waits for files that are read every second' },
  { path: 'test/redis/redis-trouble.e2e-spec.ts', why: 'waits for handshakes that hang' },
  { path: 'test/redis/topologies.e2e-spec.ts', why: 'has a Sentinel and a Cluster replace a Redis that died' },
  { path: 'test/reuse/kept-bytes.spec.ts', why: 'fills the memory' },
  { path: 'test/reuse/secret-retention.e2e-spec.ts', why: 'searches the heap of a process' },
  { path: 'test/support/upstream-faults.spec.ts', why: 'tests the faulty servers of the tests' },
];

/** Suites that `npm test` runs with less load; they read `TEST_DOSE`. */
export const SMALL_DOSES = [
  { path: 'test/faults/fuzzing.e2e-spec.ts', what: '2,000 generated requests instead of 200,000' },
];
