import { type BodyFraming } from './request-body.js';

/** Bytes of a body that may have to be sent again. */
const MAX_KEPT_BODY_BYTES = 256 * 1024;
/** Bytes of all such bodies together. */
const MAX_BYTES_IN_ALL = 32 * 1024 * 1024;

/** Whether a body is small enough, judging by its headers. */
export function mayBeKept(framing: BodyFraming): boolean {
  return framing.kind !== 'length' || framing.length <= MAX_KEPT_BODY_BYTES;
}

/** The memory for bodies that may have to be sent again. */
export class KeptBodies {
  #bytes = 0;

  /** Reserves bytes. Returns `false` if not enough are left. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > MAX_BYTES_IN_ALL) return false;
    this.#bytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** The part of a body received so far, unless too large to be kept. A copy, as a chunk may keep far more alive. */
export class KeptBody {
  #buffer: Buffer | undefined = Buffer.alloc(0);
  #length = 0;

  constructor(private readonly bodies: KeptBodies) {}

  /** All bytes so far; `undefined` when the body is no longer kept. */
  get bytes(): Buffer | undefined {
    return this.#buffer?.subarray(0, this.#length);
  }

  add(chunk: Buffer): void {
    if (this.#buffer === undefined) return;
    const length = this.#length + chunk.length;
    const buffer = length <= this.#buffer.length ? this.#buffer : this.#grown(this.#buffer, length);
    if (buffer === undefined) {
      this.drop();
      return;
    }
    chunk.copy(buffer, this.#length);
    this.#buffer = buffer;
    this.#length = length;
  }

  drop(): void {
    this.bodies.giveBack(this.#buffer?.length ?? 0);
    this.#buffer = undefined;
  }

  #grown(buffer: Buffer, least: number): Buffer | undefined {
    if (least > MAX_KEPT_BODY_BYTES) return undefined;
    const size = Math.min(MAX_KEPT_BODY_BYTES, Math.max(least, 2 * buffer.length));
    if (!this.bodies.take(size - buffer.length)) return undefined;
    const grown = Buffer.allocUnsafeSlow(size);
    buffer.copy(grown);
    return grown;
  }
}
