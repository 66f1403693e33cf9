import { parseRedisUrl } from './redis-address.js';

const PLAIN = {
  hosts: [{ host: 'redis.example', port: 6379 }],
  tls: false,
  caFile: undefined,
  client: undefined,
  username: undefined,
  password: undefined,
  database: 0,
  cluster: false,
  sentinel: undefined,
};

describe('parseRedisUrl', () => {
  it.each([
    ['redis://redis.example', PLAIN],
    ['redis://redis.example:7000/3', { ...PLAIN, hosts: [{ host: 'redis.example', port: 7000 }], database: 3 }],
    ['redis://[::1]:7000', { ...PLAIN, hosts: [{ host: '::1', port: 7000 }] }],
    ['redis://:p%40ss@redis.example', { ...PLAIN, password: 'p@ss' }],
    ['redis://me:p%3Ass@redis.example/', { ...PLAIN, username: 'me', password: 'p:ss' }],
    ['redis://m%65:p:s:s@redis.example', { ...PLAIN, username: 'me', password: 'p:s:s' }],
    ['redis://me@redis.example', { ...PLAIN, username: 'me' }],
    ['redis://@redis.example', PLAIN],
    ['redis://redis.example:1', { ...PLAIN, hosts: [{ host: 'redis.example', port: 1 }] }],
    ['redis://redis.example:65535', { ...PLAIN, hosts: [{ host: 'redis.example', port: 65_535 }] }],
    [
      'rediss://redis.example?cert=own.pem&key=own.key',
      { ...PLAIN, tls: true, client: { certFile: 'own.pem', keyFile: 'own.key' } },
    ],
    ['rediss://redis.example?ca=%2Fetc%2Fca.pem', { ...PLAIN, tls: true, caFile: '/etc/ca.pem' }],
    [
      'redis://a:7000,b,c:7002?cluster',
      {
        ...PLAIN,
        cluster: true,
        hosts: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 6379 },
          { host: 'c', port: 7002 },
        ],
      },
    ],
    [
      'redis://:data@a,b:7001/2?sentinel=main&sentinelUsername=guard&sentinelPassword=watch',
      {
        ...PLAIN,
        password: 'data',
        database: 2,
        sentinel: { master: 'main', username: 'guard', password: 'watch' },
        hosts: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 7001 },
        ],
      },
    ],
  ])('reads %s', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  it.each([
    'redis://',
    'http://redis.example',
    'redis://a,b',
    'redis://a,b?cluster&sentinel=main',
    'redis://a:0',
    'redis://a:65536',
    'redis://a/first',
    'redis://a?caa=x',
    'redis://a b',
    'redis://%zz:x@a',
    'redis://x:%zz@a',
    'rediss://a?cert=own.pem',
    'rediss://a?key=own.key',
  ])('refuses %s', (url) => {
    expect(parseRedisUrl(url)).toBeUndefined();
  });
});
