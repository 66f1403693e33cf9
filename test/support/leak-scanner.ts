import { type Readable } from 'node:stream';
import { type LeakForm, type Needle, needlesFor, needlesForPair, viewsOf } from './leak-forms.js';

/** Where a secret was found and which; never the secret, so that a finding can be printed. */
export interface Leak {
  readonly source: string;
  readonly label: string;
  readonly form: LeakForm;
}

/** Anything shorter would be found in text that has nothing to do with it. */
const MIN_LENGTH = 8;

/**
 * Collects everything a process puts out and looks for secrets in it: raw, URL-encoded, JSON-escaped, in base64 (at any
 * offset, and as the `id:secret` of HTTP Basic), in hex, and as a list of byte numbers. An encoding inside a JSON
 * string or a URL is found too.
 */
export class LeakScanner {
  /** Indexed by the first characters, so that the time does not grow with the number of secrets. */
  readonly #needles = new Map<string, Needle[]>();
  readonly #labels = new Map<string, string>();
  readonly #sources = new Map<string, Buffer[]>();

  /** A secret or a token to look for. Findings call it by its label. */
  protect(label: string, secret: string): this {
    if (secret.length < MIN_LENGTH) throw new Error(`"${label}" is too short to tell from other text`);
    if (!this.#labels.has(secret)) {
      this.#labels.set(secret, label);
      this.#look(needlesFor(label, secret));
    }
    return this;
  }

  /** As `protect`, and looks for the pair as HTTP Basic sends it. */
  protectCredentials(label: string, clientId: string, clientSecret: string): this {
    this.#look(needlesForPair(label, clientId, clientSecret));
    return this.protect(label, clientSecret);
  }

  /** Text from one source is searched as one piece, so a secret split over two calls is found. */
  add(source: string, output: string | Uint8Array): void {
    const pieces = this.#sources.get(source) ?? [];
    pieces.push(Buffer.from(output));
    this.#sources.set(source, pieces);
  }

  /** Adds everything from a stream, until it ends. */
  watch(source: string, stream: Readable): void {
    stream.on('data', (piece: string | Buffer) => {
      this.add(source, piece);
    });
  }

  /** How much was collected: a scan of nothing finds nothing. */
  get bytes(): number {
    return [...this.#sources.values()].flat().reduce((sum, piece) => sum + piece.length, 0);
  }

  leaks(): Leak[] {
    return [...this.#sources].flatMap(([source, pieces]) =>
      this.#scan(source, Buffer.concat(pieces).toString('latin1')),
    );
  }

  #scan(source: string, output: string): Leak[] {
    const leaks = new Map<string, Leak>();
    // A secret found in the plain text would be found again in every decoded view; one finding is enough.
    const found = new Set<Needle>();
    for (const { kind, rawForm, text } of viewsOf(output)) {
      for (let at = 0; at <= text.length - MIN_LENGTH; at += 1) {
        for (const needle of this.#needles.get(text.slice(at, at + MIN_LENGTH)) ?? []) {
          if (needle.view !== kind || found.has(needle) || !text.startsWith(needle.text, at)) continue;
          found.add(needle);
          const form = needle.form === 'raw' ? rawForm : needle.form;
          leaks.set(`${needle.label} ${form}`, { source, label: needle.label, form });
        }
      }
    }
    return [...leaks.values()];
  }

  #look(needles: Needle[]): void {
    for (const needle of needles) {
      const start = needle.text.slice(0, MIN_LENGTH);
      const sharing = this.#needles.get(start);
      if (sharing) sharing.push(needle);
      else this.#needles.set(start, [needle]);
    }
  }
}
