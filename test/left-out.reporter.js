import { FULL_DOSE_ONLY, SMALL_DOSES } from './full-dose.js';

/** Ends a run of `npm test` by saying what it left out. */
export default class LeftOutReporter {
  onRunComplete() {
    const lines = [
      ...FULL_DOSE_ONLY.map(({ path, why }) => `  ${path}: ${why}`),
      ...SMALL_DOSES.map(({ path, what }) => `  ${path}: ran with ${what}`),
    ];
    process.stderr.write(`\nLeft to "npm run test:all":\n${lines.join('\n')}\n`);
  }
}
