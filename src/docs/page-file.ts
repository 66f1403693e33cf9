import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { type FastifyReply, type FastifyRequest } from 'fastify';

/** Files are written in pieces of this size, because data waiting in a connection's buffers is a copy under TLS. */
const PIECE_BYTES = 16 * 1024;
/** Compresses the script of 1.6 MB to 387 kB in 0.2 s. Level 11 would take seconds to save 10 kB. */
const BROTLI_QUALITY = 6;

const ENCODERS = {
  br: (content: Buffer) =>
    promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
  gzip: promisify<Buffer, Buffer>(gzip),
  identity: (content: Buffer) => Promise.resolve(content),
} satisfies Record<string, (content: Buffer) => Promise<Buffer>>;

type Encoding = keyof typeof ENCODERS;

/** A file served from memory, in an encoding that the client accepts (RFC 9110 §8.4.1). */
export class PageFile {
  readonly #content: Buffer;
  readonly #hash: string;
  readonly #encoded = new Map<Encoding, Promise<Buffer>>();

  constructor(
    private readonly type: string,
    content: Buffer | string,
  ) {
    this.#content = Buffer.from(content);
    this.#hash = createHash('sha256').update(this.#content).digest('base64url').slice(0, 16);
  }

  /** `vary` names another request header that the choice of this file depends on. */
  async send(request: FastifyRequest, reply: FastifyReply, vary?: string): Promise<FastifyReply> {
    const encoding = acceptedEncoding(request.headers['accept-encoding']);
    const etag = `"${this.#hash}-${encoding}"`;
    void reply.headers({
      'Cache-Control': 'no-cache',
      ETag: etag,
      Vary: vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`,
    });
    if (isKnown(etag, request.headers['if-none-match'])) return reply.code(304).send();
    const content = await this.#in(encoding);
    if (encoding !== 'identity') void reply.header('Content-Encoding', encoding);
    return reply
      .headers({ 'Content-Type': this.type, 'Content-Length': content.length })
      .send(Readable.from(pieces(content)));
  }

  /** Encodes it when this encoding is first requested. */
  #in(encoding: Encoding): Promise<Buffer> {
    const encoded = this.#encoded.get(encoding) ?? ENCODERS[encoding](this.#content);
    this.#encoded.set(encoding, encoded);
    return encoded;
  }
}

function* pieces(content: Buffer): Generator<Buffer> {
  for (let at = 0; at < content.length; at += PIECE_BYTES) yield content.subarray(at, at + PIECE_BYTES);
}

/** The smallest encoding that the client accepts, whatever weights it gives. */
function acceptedEncoding(header = ''): Encoding {
  const accepted = header
    .toLowerCase()
    .split(',')
    .filter((coding) => !/;\s*q=0(?:\.0*)?\s*$/.test(coding))
    .map((coding) => coding.split(';')[0]?.trim());
  return accepted.includes('br') ? 'br' : accepted.includes('gzip') ? 'gzip' : 'identity';
}

/** Whether the client already has this version (weak comparison, RFC 9110 §13.1.2). */
function isKnown(etag: string, header = ''): boolean {
  return header.split(',').some((known) => [etag, '*'].includes(known.trim().replace(/^W\//, '')));
}
