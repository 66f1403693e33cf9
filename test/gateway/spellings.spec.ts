import fc from 'fast-check';
import { decideTarget } from '../../src/cells-gateway/request-target.js';
import { PUBLISHED_PATH, SDK_PATHS } from '../../src/cells-authority/index.js';

const TOKEN_PATHS = [PUBLISHED_PATH, ...SDK_PATHS].map((path) => `/${path}`);
const SPELLINGS = 10_000;

const percent = (text: string) =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

/** One character of a path, as somebody might write it who wants it to look like another path. */
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

/** All that a generous server might take a target for: decoded or not, with or without case, dots, slashes and what follows. */
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
  // All three ways were taken, and often.
  for (const times of Object.values(decided)) expect(times).toBeGreaterThan(SPELLINGS / 50);
});
