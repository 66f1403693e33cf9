/**
 * How long everything takes. The short run shows in CI that the bench works; its figures say nothing about speed.
 *
 * @typedef {typeof FULL} Plan
 */
export const FULL = {
  judged: true,
  // Each has new processes, because V8 compiles the same code differently in each process.
  generations: 3,
  rounds: 3,
  warmUpS: 4,
  loadS: 2,
  connections: 32,
  pairs: 10_000,
  latencyRounds: 15,
  latencyS: 1,
  coldRequests: 1000,
  coldWarmUps: 5,
  coldRounds: 5,
  slowUpstreamRate: 5000,
  slowUpstreamS: 5,
  distinctPairs: 1_000_000,
  foundTokens: 1000,
  starts: 9,
  largeFileMib: 100,
  largeFiles: 10,
  hugeFileMib: 300,
};

/** @type {Plan} */
export const QUICK = {
  judged: false,
  generations: 1,
  rounds: 1,
  warmUpS: 0,
  loadS: 1,
  connections: 32,
  pairs: 1000,
  latencyRounds: 1,
  latencyS: 1,
  coldRequests: 1000,
  coldWarmUps: 0,
  coldRounds: 1,
  slowUpstreamRate: 1000,
  slowUpstreamS: 1,
  distinctPairs: 15_000,
  foundTokens: 100,
  starts: 1,
  largeFileMib: 10,
  largeFiles: 2,
  hugeFileMib: 2,
};
