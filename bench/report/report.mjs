import { requirementsTable, throughputTable } from './tables.mjs';

/** All results of a run, as Markdown. */
export function writeReport({ results, rows, judged, machine, revision, date }) {
  const { throughput, latency, distinctPairs, sharedStore, start, smallFiles, largeFiles, slowUploads } = results;
  const ms = (value) => `${value.toPrecision(3)} ms`;
  const inWords = ({ found, kept, roundTrip }) =>
    `found ${ms(found)}, in memory ${ms(kept)}, round trip ${ms(roundTrip)}`;
  const remarks = [
    latency &&
      `p99 at ${thousands(latency.rate)} requests/s: ${ms(latency.service.p99)}, Fastify ${ms(latency.fastify.p99)}; of whole seconds: ${ms(latency.service.p99OfRounds)}, Fastify ${ms(latency.fastify.p99OfRounds)}`,
    distinctPairs && `distinct pairs were forwarded at ${thousands(distinctPairs.requestsPerSecond)} requests/s`,
    sharedStore &&
      `a token of another instance: ${inWords(sharedStore.link)} over a slow link, ${inWords(sharedStore.loopback)} on loopback`,
    largeFiles && `large files, MiB per CPU second: ${[...largeFiles].map(rates).join(', ')}`,
    slowUploads &&
      `p99 during slow uploads at ${thousands(slowUploads.rate)} requests/s: ${ms(slowUploads.with)}, without ${ms(slowUploads.without)}`,
    start && `start to listening: ${ms(start.service.ms)}, empty Nest application ${ms(start.empty.ms)}`,
  ];
  return [
    `${date}, revision ${revision}, on ${machine}`,
    requirementsTable(rows, judged),
    throughput && throughputTable('tokens, on one core', throughput),
    smallFiles && throughputTable('GET of 1 KiB, on one core', smallFiles),
    remarks
      .filter(Boolean)
      .map((remark) => `- ${remark}`)
      .join('\n'),
  ]
    .filter(Boolean)
    .join('\n\n');
}

function rates([name, { down, up }]) {
  return `${name} ${thousands(down.perCpuSecond)} down, ${thousands(up.perCpuSecond)} up`;
}

function thousands(value) {
  return Math.round(value).toLocaleString('en');
}
