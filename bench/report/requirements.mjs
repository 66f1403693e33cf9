import { GATEWAY, GATEWAY_HTTP_PROXY, GATEWAY_NGINX, GATEWAY_SESSIONS } from '../cases/gateway.mjs';
import { hasRedis } from '../cases/shared-store.mjs';
import { countsInstructions } from '../process/instructions.mjs';
import {
  AXIOS,
  FASTIFY,
  FASTIFY_BASIC,
  FASTIFY_FORM,
  FORWARDING,
  HTTP_PROXY,
  NGINX_TO_NGINX,
  NGINX_TO_NODE,
  REUSE_BY_ALL,
  REUSE_BY_BASIC,
  REUSE_BY_FORM,
  REUSE_BY_QUERY,
  REUSE_OF_MANY,
  withSameHeaders,
} from '../cases/throughput.mjs';
import { hasNginx } from '../servers/nginx.mjs';

/**
 * The requirements, with the measured figures.
 *
 * @typedef {{ what: string, bound?: 'at least' | 'at most', limit?: number, goal?: number, unit: string,
 * measured: number | undefined, byCpuTime?: number, byInstructions?: number, judged?: number, missing?: string }}
 * Requirement `byCpuTime` is the ratio of what the two do in a second of CPU time, `byInstructions` of what they do
 * with the same number of instructions: other work on the machine disturbs both less. `judged` is the figure that the
 * bound is for, where that is not `measured`; without a bound nothing is required
 * @param {{ throughput?: Map, latency?: object, singleFlight?: object, slowUpstream?: object, distinctPairs?: object,
 *   sharedStore?: object, start?: object, smallFiles?: Map, largeFiles?: Map, manyFiles?: object,
 *   slowUploads?: object }} results a case that failed is not there
 * @returns {Requirement[]}
 */
export function requirements(results) {
  const { throughput, latency, singleFlight, slowUpstream, distinctPairs, sharedStore, start } = results;
  const { smallFiles, largeFiles, manyFiles, slowUploads } = results;
  const ratio = (of, to, among = throughput) => {
    const divided = (figure) => divide(among?.get(of)?.[figure], among?.get(to)?.[figure]);
    const instructions = divided('instructionsPerRequest');
    return {
      measured: divided('requestsPerSecond'),
      byCpuTime: divided('requestsPerCpuSecond'),
      byInstructions: instructions && 1 / instructions,
    };
  };
  /** Between two servers in JavaScript the cost of a request counts, not the current speed of the core. */
  const cost = (of, to, among) => {
    const ratios = ratio(of, to, among);
    return { ...ratios, judged: ratios.byInstructions ?? ratios.byCpuTime };
  };
  /** Transfers of large files are limited by the load's core, so the cost for the server counts. */
  const transfer = (way, to) => {
    const divided = (figure) => divide(largeFiles?.get(GATEWAY)?.[way][figure], largeFiles?.get(to)?.[way][figure]);
    const byCpuTime = divided('perCpuSecond');
    return { measured: divided('perSecond'), byCpuTime, judged: byCpuTime };
  };
  const withHeaders = (own, peer) => ({
    ...shown('the same, if Fastify sends the same headers', cost(own, withSameHeaders(peer))),
    goal: 1,
  });
  const nginxMissing = !hasNginx && { missing: 'nginx is not installed' };

  return [
    {
      ...atLeast(
        0.7,
        1,
        'reuse by query, against nginx `proxy_pass` to `node:http`',
        ratio(REUSE_BY_QUERY, NGINX_TO_NODE),
      ),
      ...nginxMissing,
    },
    {
      ...shown('the same, against nginx `proxy_pass` to another nginx', ratio(REUSE_BY_QUERY, NGINX_TO_NGINX)),
      ...nginxMissing,
    },
    atLeast(0.7, 0.85, 'reuse by query, against a bare Fastify route', cost(REUSE_BY_QUERY, FASTIFY)),
    withHeaders(REUSE_BY_QUERY, FASTIFY),
    atLeast(0.8, 1, 'reuse by form body, against Fastify that reads the same form', cost(REUSE_BY_FORM, FASTIFY_FORM)),
    withHeaders(REUSE_BY_FORM, FASTIFY_FORM),
    atLeast(
      0.8,
      1,
      'reuse by Basic, against Fastify that decodes the same header',
      cost(REUSE_BY_BASIC, FASTIFY_BASIC),
    ),
    withHeaders(REUSE_BY_BASIC, FASTIFY_BASIC),
    shown('reuse by all four forms in turn, against reuse by query', cost(REUSE_BY_ALL, REUSE_BY_QUERY)),
    atMost(
      1.5,
      1.2,
      'reuse p99 at half the maximum rate, against a bare Fastify route',
      divide(latency?.service.p99, latency?.fastify.p99),
    ),
    atLeast(0.9, 1, 'forwarding, `TOKEN_CACHE=off`, against `@fastify/http-proxy`', cost(FORWARDING, HTTP_PROXY)),
    { ...shown('the same, against Fastify that forwards with axios', cost(FORWARDING, AXIOS)), goal: 1 },
    atLeast(0.9, 0.95, 'reuse with 10,000 pairs in the cache, against one', cost(REUSE_OF_MANY, REUSE_BY_QUERY)),
    atMost(1, 1, '1,000 concurrent cold requests of one pair: upstream requests', singleFlight?.upstreamRequests, ''),
    atMost(2, 1.5, 'the same, until the last is answered, against upstream’s 100 ms', singleFlight?.latency),
    atMost(0.02, 0.02, 'upstream 80 ms, 99 % reuse: p50 against upstream’s latency', slowUpstream?.share),
    atMost(256, 192, '1,000,000 distinct pairs: peak resident memory', distinctPairs?.peak, ' MiB'),
    atMost(1.05, 1.02, 'the same, last quarter against the second: memory', distinctPairs?.growth),
    {
      ...atLeast(0.9, 0.97, 'reuse with Redis behind the memory, against memory alone', {
        measured: sharedStore?.reuse,
      }),
      ...(!hasRedis && { missing: 'redis-server is not installed' }),
    },
    {
      ...atMost(
        1.25,
        1.1,
        'a token that another instance fetched, against one in memory: what it adds, against a round trip to Redis',
        added(sharedStore?.link),
      ),
      ...(!hasRedis && { missing: 'redis-server is not installed' }),
    },
    atMost(
      1.4,
      1.2,
      'start to listening, against an empty Nest application with Swagger',
      divide(start?.service.ms, start?.empty.ms),
    ),
    atMost(
      1.4,
      1.2,
      countsInstructions ? 'the same, instructions' : 'the same, CPU time',
      divide(start?.service.cost, start?.empty.cost),
    ),
    atLeast(
      1,
      1,
      'gateway, GET of 1 KiB, against `@fastify/http-proxy`',
      cost(GATEWAY, GATEWAY_HTTP_PROXY, smallFiles),
    ),
    {
      ...atLeast(
        0.3,
        0.4,
        'gateway, GET of 1 KiB, against nginx `proxy_pass`',
        ratio(GATEWAY, GATEWAY_NGINX, smallFiles),
      ),
      ...nginxMissing,
    },
    atLeast(
      0.9,
      0.95,
      'gateway, GET of 1 KiB with sessions on, against without',
      cost(GATEWAY_SESSIONS, GATEWAY, smallFiles),
    ),
    ...['down', 'up'].flatMap((way) => [
      atLeast(1, 1, `gateway, 100 MiB ${way}, against \`@fastify/http-proxy\``, transfer(way, GATEWAY_HTTP_PROXY)),
      { ...shown('the same, against nginx, unbuffered', transfer(way, GATEWAY_NGINX)), goal: 0.5, ...nginxMissing },
    ]),
    atMost(256, 256, '20 uploads and 20 downloads of 300 MiB at once: peak resident memory', manyFiles?.peak, ' MiB'),
    atMost(
      1.5,
      1.2,
      'reuse p99 during 100 slow uploads, against the same without',
      divide(slowUploads?.with, slowUploads?.without),
    ),
  ];
}

function atLeast(limit, goal, what, ratio) {
  return { what, bound: 'at least', limit, goal, unit: '×', ...ratio };
}

function atMost(limit, goal, what, measured, unit = '×') {
  return { what, bound: 'at most', limit, goal, unit, measured };
}

function shown(what, ratio) {
  return { what, unit: '×', ...ratio };
}

/** What a token from the shared store costs beyond a kept one, in round trips. */
function added(way) {
  return way && (way.found - way.kept) / way.roundTrip;
}

function divide(dividend, divisor) {
  return dividend === undefined || divisor === undefined ? undefined : dividend / divisor;
}
