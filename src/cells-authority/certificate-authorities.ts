import { Logger } from '@nestjs/common';
import { followFiles } from './followed-files.js';
import { certificatesOf, readCertificateAuthorities } from './verified-tls.js';

/** The certificate authorities of a PEM file. The file is watched: new connections use its latest contents. */
export class CertificateAuthorities {
  readonly #logger = new Logger('CellsAuthority');
  #pem: string | undefined;
  readonly #stop: () => void;

  /**
   * @param file `undefined`: Node's own.
   * @param setting the name of the setting in messages.
   * @throws Error when the file cannot be read or used. Its contents are not quoted.
   */
  constructor(
    file: string | undefined,
    private readonly setting: string,
  ) {
    this.#pem = file === undefined ? undefined : readCertificateAuthorities(file);
    const renew = ([text = '']: readonly string[]) => {
      this.#renew(text);
    };
    this.#stop = file === undefined ? () => undefined : followFiles([file], [this.#pem ?? ''], renew);
  }

  /** PEM text; `undefined`: Node's own. */
  get pem(): string | undefined {
    return this.#pem;
  }

  /** Stops watching the file. */
  close(): void {
    this.#stop();
  }

  #renew(text: string): void {
    if (text === this.#pem) return;
    try {
      this.#pem = certificatesOf(text);
      this.#logger.log(`Trusting the renewed certificate authorities of ${this.setting}`);
    } catch {
      this.#logger.warn(
        `The file of ${this.setting} on disk cannot be used; the certificate authorities before stay trusted`,
      );
    }
  }
}
