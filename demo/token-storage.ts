import { type Adapter, type AdapterPayload } from 'oidc-provider';

const MAX_TOKENS = 10_000;

/**
 * The storage of `oidc-provider`, in memory. Only opaque tokens are stored, so that they can be introspected; JWTs
 * contain all their data.
 */
export class TokenStorage implements Adapter {
  readonly #tokens = new Map<string, AdapterPayload>();

  upsert(id: string, payload: AdapterPayload): Promise<void> {
    const oldest = this.#tokens.keys().next();
    if (this.#tokens.size >= MAX_TOKENS && !oldest.done) this.#tokens.delete(oldest.value);
    this.#tokens.set(id, payload);
    return Promise.resolve();
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return Promise.resolve(this.#tokens.get(id));
  }

  destroy(id: string): Promise<void> {
    this.#tokens.delete(id);
    return Promise.resolve();
  }

  // The other methods are for logins, devices and grants, which a client credentials server does not have.
  consume(): Promise<void> {
    return Promise.resolve();
  }

  findByUid(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  findByUserCode(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  revokeByGrantId(): Promise<void> {
    return Promise.resolve();
  }
}
