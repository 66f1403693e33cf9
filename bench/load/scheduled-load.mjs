import { setImmediate } from 'node:timers';
import { openConnections } from './keep-alive-connection.mjs';
import { Latencies } from './latencies.mjs';

/**
 * Sends requests on a schedule: the nth is due `n / rate` seconds after the first, whether or not the server keeps up,
 * and its latency counts from when it was due. So a stall of the server counts for every request that had to wait,
 * including those queued here (no "coordinated omission"). Without a rate everything is due at once.
 *
 * @param {{ port: number, connections: number, total: number, rate?: number, messageAt: (n: number) => string,
 *   onProgress?: (answered: number) => void }} load
 * @returns {Promise<{ p50: number, p99: number, max: number, p99OfEvery: (count: number) => number[], failures: number,
 *   requestsPerSecond: number }>} in ms
 */
export async function loadOnSchedule({ port, connections, total, rate, messageAt, onProgress }) {
  const all = await openConnections(port, connections);
  const idle = [...all];
  const latencies = new Latencies(total);
  const intervalMs = rate === undefined ? 0 : 1000 / rate;
  const start = performance.now();
  let sent = 0;
  let answered = 0;
  let failures = 0;

  await new Promise((resolve, reject) => {
    const dueByNow = () =>
      rate === undefined ? total : Math.min(total, Math.floor((performance.now() - start) / intervalMs) + 1);
    const sendDue = () => {
      for (const due = dueByNow(); sent < due && idle.length > 0;) sendNext(idle.pop());
    };
    const sendNext = (connection) => {
      const dueAt = start + sent * intervalMs;
      connection.send(messageAt(sent), (status) => {
        if (status === undefined) {
          reject(new Error(`Port ${port} closed a connection`));
          sent = total;
          return;
        }
        latencies.add(performance.now() - dueAt);
        if (status !== 200) failures += 1;
        answered += 1;
        idle.push(connection);
        onProgress?.(answered);
        if (answered === total) resolve();
        else sendDue();
      });
      sent += 1;
    };
    // Checks the clock all the time, because timers are too coarse for tens of thousands a second.
    const watchClock = () => {
      sendDue();
      if (rate !== undefined && sent < total) setImmediate(watchClock);
    };
    watchClock();
  }).finally(() => {
    for (const connection of all) connection.close();
  });

  const seconds = (performance.now() - start) / 1000;
  const p99OfEvery = (count) => latencies.p99OfEvery(count);
  return { ...latencies.summary(), p99OfEvery, failures, requestsPerSecond: total / seconds };
}
