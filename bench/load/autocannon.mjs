import autocannon from 'autocannon';

/** Used without wrk. It is slower than some of the servers; the report shows how busy the server was. */
export async function loadWithAutocannon({ port, requests, connections, seconds }) {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections,
    duration: seconds,
    requests: requests.map(({ method, path, headers, body }) => ({ method, path, headers, body })),
  });
  return {
    requests: result.requests.total,
    requestsPerSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    refused: result.non2xx,
    unanswered: result.errors,
  };
}
