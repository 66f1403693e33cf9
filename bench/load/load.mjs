import { canRunWrk, loadWithWrk } from './wrk.mjs';
import { loadWithAutocannon } from './autocannon.mjs';

/** The load generator that is available. */
export const loadGenerator = canRunWrk ? 'wrk' : 'autocannon';

/**
 * Keeps a number of connections busy for a while, each with one request at a time, going round the given requests.
 *
 * @typedef {{ requests: number, requestsPerSecond: number, p50: number, p99: number, refused: number, unanswered: number }} LoadResult
 *   latencies in ms; refused are answers other than 2xx
 * @type {(load: { port: number, requests: object[], connections: number, seconds: number, directory: string }) =>
 *   Promise<LoadResult>}
 */
export const putUnderLoad = canRunWrk ? loadWithWrk : loadWithAutocannon;
