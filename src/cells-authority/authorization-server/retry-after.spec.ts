import { parseRetryAfter } from './retry-after.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');

describe('parseRetryAfter', () => {
  it.each([
    ['600', 600],
    [' 7 ', 7],
    ['0', 1],
    ['3601', 3600],
    ['999999999999999', 3600],
    ['Thu, 01 Jan 2026 00:02:00 GMT', 120],
    ['Thursday, 01-Jan-26 00:02:00 GMT', 120],
    ['Thu Jan  1 00:02:00 2026 GMT', 120],
    ['Thu, 01 Jan 2026 00:00:00.500 GMT', 1],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 1],
    ['Fri, 01 Jan 2027 00:00:00 GMT', 3600],
  ])('reads %p as %d s', (header, seconds) => {
    expect(parseRetryAfter(header, NOW)).toBe(seconds);
  });

  it.each([[undefined], [''], ['soon'], ['-5'], ['1.5'], ['1e3'], ['2026-01-01'], ['Monday'], ['9'.repeat(16)]])(
    'does not read %p',
    (header) => {
      expect(parseRetryAfter(header, NOW)).toBeUndefined();
    },
  );
});
