import fc from 'fast-check';
import { decideTarget } from '../../src/cells-gateway/request-target.js';
import { PUBLISHED_PATH, SDK_PATHS } from '../../src/cells-authority/index.js';
import { dose } from '../support/dose.js';
import { RawClient } from '../support/raw-client.js';
import { RawUpstream, TestGateway } from './test-gateway.js';

const TOKEN_PATHS = [PUBLISHED_PATH, ...SDK_PATHS].map((path) => `/${path}`);
const SPELLINGS = dose(10_000, 2000);
const SENT = 500;

const percent = (text: string) =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

/** Spellings of one character that may disguise a path. */
function spelled(character: string): fc.Arbitrary<string> {
  const others =
    character === '/'
      ? ['//', '/./', '/x/../', '%2F', '%2f', '\\', '%5c', '/%2e/', '/;/', '%252f', '/ /'.replace(' ', '%20')]
      : [
          character.toUpperCase(),
          percent(character),
          percent(character.toUpperCase()),
          `%25${percent(character).slice(1)}`,
        ];
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant(character) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}

const spellings = fc
  .tuple(
    fc.constantFrom('', '', '', '/', '//', 'http://host', '/v3.0/cells/..', '/v4.0/cells/%2e%2e/..', '/.'),
    fc.constantFrom(...TOKEN_PATHS).chain((path) => fc.tuple(...Array.from(path, spelled))),
    fc.constantFrom(
      '',
      '',
      '',
      '/',
      '//',
      '/.',
      '/x/..',
      '%2F',
      '#',
      '#x',
      '?',
      '?client_id=a',
      ';a',
      '%00',
      '%20',
      '/%',
    ),
  )
  .map(([before, path, after]) => before + path.join('') + after);

/** All paths that a lenient server might read: decoded or not, with or without case, dots, slashes and what follows. */
function readings(target: string): string[] {
  const path = target.replace(/[?#].*/s, '');
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return [path, decoded].flatMap((text) => {
    const { pathname } = new URL(`http://host${text.replaceAll(/[^\x21-\x7e]/g, '_').replace(/^[/\\]+/, '/')}`);
    return [text, pathname].map((each) =>
      each
        .replaceAll('\\', '/')
        .toLowerCase()
        .replaceAll(/\/{2,}/g, '/')
        .replace(/\/$/, ''),
    );
  });
}

it(`sends none of ${SENT} spellings on as a token request when they come over one connection`, async () => {
  const upstream = await RawUpstream.start();
  const gateway = await TestGateway.start(upstream.origin);
  let client = new RawClient(gateway.port);
  const statuses = new Map<string, number>();
  try {
    // A closed connection is replaced: Node's parser has refused the request line.
    for (const spelling of fc.sample(spellings, SENT)) {
      if (client.socket.destroyed) client = new RawClient(gateway.port);
      client.send(`POST ${spelling} HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n`);
      const status = (await client.next()).slice(9, 12);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === '400') client.socket.destroy();
    }
    const targets = [...upstream.received.matchAll(/^POST (\S+) HTTP/gm)].map(([, target = '']) => target);
    expect(targets.flatMap(readings).filter((reading) => TOKEN_PATHS.includes(reading))).toEqual([]);
    expect(targets).toHaveLength(statuses.get('200') ?? 0);
    // To the API, to somebody else, and nowhere at all.
    for (const status of ['200', '404', '400']) expect(statuses.get(status)).toBeGreaterThan(SENT / 200);
  } finally {
    client.socket.destroy();
    await gateway.close();
    await upstream.close();
  }
});

it(`sends none of ${SPELLINGS} spellings of token paths on as a token request`, () => {
  const decided = { elsewhere: 0, malformed: 0, cells_api: 0 };
  fc.assert(
    fc.property(spellings, (spelling) => {
      const decision = decideTarget(spelling);
      decided[decision.kind] += 1;
      if (decision.kind !== 'cells_api') return;
      expect(readings(decision.target).filter((reading) => TOKEN_PATHS.includes(reading))).toEqual([]);
    }),
    { numRuns: SPELLINGS },
  );
  // All three outcomes occurred, not just once.
  for (const times of Object.values(decided)) expect(times).toBeGreaterThan(SPELLINGS / 200);
});
