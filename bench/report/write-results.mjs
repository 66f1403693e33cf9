import { readFileSync, writeFileSync } from 'node:fs';
import { chart } from './chart.mjs';

const README = new URL('../README.md', import.meta.url);
const CHART = new URL('../results.svg', import.meta.url);
const PLACE = /(<!-- results -->\n)[^]*(\n<!-- end of results -->)/;

/** Puts the tables into the README and draws the chart beside it. */
export function writeResults({ report, throughput, machine }) {
  const readme = readFileSync(README, 'utf8');
  if (!PLACE.test(readme)) throw new Error('bench/README.md has no place for the results');
  writeFileSync(
    README,
    readme.replace(PLACE, (_, before, after) => `${before}\n${report}\n${after}`),
  );
  writeFileSync(CHART, chart(throughput, machine));
}
