import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 1;
/** Bytes that identify a sealed value: its version and its nonce. */
export const SEAL_BYTES = 1 + NONCE_BYTES;

/** What a Redis key is for; readable in the key, unlike whose it is. */
export type KeyPurpose = 'token' | 'issued' | 'session' | 'lock' | 'hold' | 'refusals' | 'forwards' | 'guesses';

/**
 * One secret that protects what is kept in Redis, and sessions in memory. Keys are HMAC-SHA256 under it. Values are
 * sealed with AES-256-GCM (NIST SP 800-38D) under a key that HKDF (RFC 5869) derives from what only the client has (its
 * Client Secret or its token): without that not even this process can read them. Each value is bound to its Redis key.
 */
export class SharedKeys {
  readonly #hmacKey: KeyObject;

  constructor(private readonly secret: string) {
    this.#hmacKey = createSecretKey(Buffer.from(secret));
  }

  /**
   * The Redis key for these fields. A Cluster picks the slot by the part in braces, so all keys of one subject are in
   * the same slot, whatever their purpose.
   */
  key(purpose: KeyPurpose, fields: readonly string[]): string {
    const text = fields.map((field) => `${Buffer.byteLength(field)}:${field}`).join('');
    return `ca:${purpose}:{${this.#hmac(text)}}`;
  }

  /** Identifies the secret, to find out whether other instances have the same one. */
  get marker(): string {
    return this.#hmac('marker').slice(0, 16);
  }

  /** Encrypts a value so that it can only be opened with the client's secret and under this key. */
  seal(text: string, key: string, clientsSecret: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#sealingKey(clientsSecret), nonce);
    cipher.setAAD(Buffer.from(key));
    const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
    return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), sealed]);
  }

  /** Decrypts a value; `undefined` unless it was sealed under both secrets and for this key. */
  open(value: Buffer, key: string, clientsSecret: string): string | undefined {
    if (value[0] !== VERSION) return undefined;
    try {
      const nonce = value.subarray(1, SEAL_BYTES);
      const cipher = createDecipheriv('aes-256-gcm', this.#sealingKey(clientsSecret), nonce, {
        // A shorter tag would be easier to forge.
        authTagLength: TAG_BYTES,
      });
      cipher.setAAD(Buffer.from(key));
      cipher.setAuthTag(value.subarray(SEAL_BYTES, SEAL_BYTES + TAG_BYTES));
      const opened = Buffer.concat([cipher.update(value.subarray(SEAL_BYTES + TAG_BYTES)), cipher.final()]);
      return opened.toString();
    } catch {
      return undefined;
    }
  }

  #hmac(text: string): string {
    return createHmac('sha256', this.#hmacKey).update(text).digest('base64url');
  }

  #sealingKey(clientsSecret: string): Buffer {
    return Buffer.from(hkdfSync('sha256', clientsSecret, this.secret, 'cells-authority shared store', 32));
  }
}
