import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';

const PIECE = 64 * 1_024;

/** This many incompressible bytes, made while they are read, with their SHA-256. */
export class RandomFile {
  readonly #hash = createHash('sha256');

  constructor(readonly size: number) {}

  /** To be read once. */
  content(): Readable {
    return Readable.from(this.#pieces());
  }

  /** Hexadecimal, of what has been read. */
  sha256(): string {
    return this.#hash.digest('hex');
  }

  *#pieces(): Generator<Buffer> {
    const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, this.size % 251), Buffer.alloc(16));
    for (let left = this.size; left > 0; left -= PIECE) {
      const piece = cipher.update(Buffer.alloc(Math.min(left, PIECE)));
      this.#hash.update(piece);
      yield piece;
    }
  }
}

/** The SHA-256 of a stream, in hexadecimal. */
export async function sha256Of(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  stream.pipe(hash);
  await once(hash, 'finish');
  return hash.digest('hex');
}
