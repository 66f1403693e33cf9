import { randomBytes } from 'node:crypto';
import { KeptBodies, KeptBody, mayBeKept } from './kept-body.js';
import { type BodyFraming } from './request-body.js';

const KIB = 1024;
const MOST = 256 * KIB;

function kept(bodies: KeptBodies, content: Buffer, chunkBytes = 16 * KIB): KeptBody {
  const body = new KeptBody(bodies);
  for (let at = 0; at < content.length; at += chunkBytes) body.add(content.subarray(at, at + chunkBytes));
  return body;
}

describe('A body that may have to be repeated', () => {
  it.each([
    ['nothing', 0, 1],
    ['a byte', 1, 1],
    ['bytes one by one', 3000, 1],
    ['256 KiB in odd pieces', MOST, 1000],
    ['256 KiB at once', MOST, MOST],
  ])('is kept unchanged: %s', (_what, bytes, chunkBytes) => {
    const content = randomBytes(bytes);
    expect(kept(new KeptBodies(), content, chunkBytes).bytes?.equals(content)).toBe(true);
  });

  it.each([16 * KIB, MOST + 1])('is not kept when it is a byte larger, in chunks of %i', (chunkBytes) => {
    const body = kept(new KeptBodies(), randomBytes(MOST + 1), chunkBytes);
    body.add(Buffer.of(1));
    expect(body.bytes).toBeUndefined();
  });

  it.each<[boolean, BodyFraming]>([
    [true, { kind: 'length', length: MOST }],
    [false, { kind: 'length', length: MOST + 1 }],
    [true, { kind: 'chunked' }],
  ])('may be kept at all: %p for %j', (may, framing) => {
    expect(mayBeKept(framing)).toBe(may);
  });

  it.each([
    [1, 1],
    [3, 4],
    [4, 4],
    [5, 8],
    [MOST - 1, MOST],
  ])('takes memory in steps that double: %i single bytes take %i', (bytes, taken) => {
    const bodies = new KeptBodies();
    kept(bodies, Buffer.alloc(bytes), 1);
    expect([bodies.take(32 * KIB * KIB - taken), bodies.take(1)]).toEqual([true, false]);
  });

  it('shares 32 MiB with all others, and gives its part back when it is dropped', () => {
    const bodies = new KeptBodies();
    const content = randomBytes(MOST);
    const all = Array.from({ length: 128 }, () => kept(bodies, content));
    expect(all.every(({ bytes }) => bytes?.equals(content))).toBe(true);
    expect(kept(bodies, Buffer.of(1)).bytes).toBeUndefined();

    all[0]?.drop();
    all[0]?.drop();
    const next = kept(bodies, content);
    expect(next.bytes?.equals(content)).toBe(true);
    expect(kept(bodies, Buffer.of(1)).bytes).toBeUndefined();

    // One that turns out to be too large gives back its part.
    next.add(Buffer.of(1));
    expect(kept(bodies, content).bytes).toHaveLength(MOST);
  });
});
