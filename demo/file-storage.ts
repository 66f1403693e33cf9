import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface StoredFile {
  /** As it was uploaded, folders included. */
  readonly path: string;
  /** Where its bytes are, relative to the storage's folder. */
  readonly blob: string;
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly modified: Date;
}

const MAX_FILES = 1_000;

/** Files by their path. Their bytes are in a temporary folder that is deleted with the storage, never in memory. */
export class FileStorage {
  readonly #files = new Map<string, StoredFile>();

  private constructor(readonly folder: string) {}

  static async open(): Promise<FileStorage> {
    return new FileStorage(await mkdtemp(join(tmpdir(), 'cells-api-')));
  }

  /** Replaces an existing file only when all bytes have arrived. */
  async write(path: string, content: Readable): Promise<StoredFile> {
    const blob = randomUUID();
    const hash = createHash('sha256');
    let size = 0;
    const measured = new Transform({
      transform: (piece: Buffer, _encoding, done) => {
        hash.update(piece);
        size += piece.length;
        done(null, piece);
      },
    });
    try {
      if (this.#files.size >= MAX_FILES) throw new Error(`this storage is limited to ${MAX_FILES} files`);
      await pipeline(content, measured, createWriteStream(join(this.folder, blob)));
    } catch (error) {
      await this.#discard(blob);
      throw error;
    }
    await this.delete(path);
    const file = { path, blob, size, sha256: hash.digest('hex'), modified: new Date() };
    this.#files.set(path, file);
    return file;
  }

  find(path: string): StoredFile | undefined {
    return this.#files.get(path);
  }

  /** The files in this folder, and in those below it. */
  list(folder: string): StoredFile[] {
    const prefix = folder === '' ? '' : `${folder}/`;
    return [...this.#files.values()].filter(({ path }) => path.startsWith(prefix));
  }

  async delete(path: string): Promise<boolean> {
    const file = this.#files.get(path);
    if (file === undefined) return false;
    this.#files.delete(path);
    await this.#discard(file.blob);
    return true;
  }

  async close(): Promise<void> {
    this.#files.clear();
    await rm(this.folder, { recursive: true, force: true });
  }

  #discard(blob: string): Promise<void> {
    return rm(join(this.folder, blob), { force: true });
  }
}
