import { type AuthorityObserver } from '../authority-observer.js';
import { type AuthorityOptions } from '../cells-authority.options.js';
import { type SharedFlight, type SharedRequest, type SharedStore } from './shared-store.js';

/** The options that can change while the process runs. */
export type RedisAccessOptions = Pick<AuthorityOptions, 'redisUrl' | 'tokenCacheSecret'>;

export type OpenStore = (options: RedisAccessOptions, observe: AuthorityObserver) => SharedStore;

/** When the previous store is closed: longer than any flight that still uses it. */
const FAREWELL_MS = 60_000;

/** A shared store whose password, address or secret can be renewed. */
export class RenewableStore implements SharedStore {
  #current: SharedStore;
  #generation = 0;
  readonly #before = new Map<SharedStore, NodeJS.Timeout>();

  constructor(
    options: RedisAccessOptions,
    private readonly openStore: OpenStore,
    private readonly observe: AuthorityObserver,
  ) {
    this.#current = this.#openNth(options, 0);
  }

  /**
   * Uses other options from the next request on. Requests under way keep the previous ones.
   *
   * @throws Error when the options cannot be used; then nothing changes.
   */
  renew(options: RedisAccessOptions): void {
    const next = this.#openNth(options, this.#generation + 1);
    const before = this.#current;
    this.#generation += 1;
    this.#current = next;
    const timer = setTimeout(() => {
      this.#before.delete(before);
      void before.onApplicationShutdown();
    }, FAREWELL_MS).unref();
    this.#before.set(before, timer);
  }

  get available(): boolean {
    return this.#current.available;
  }

  get state(): SharedStore['state'] {
    return this.#current.state;
  }

  get sessions(): SharedStore['sessions'] {
    return this.#current.sessions;
  }

  open(request: SharedRequest, deadline: number): SharedFlight {
    return this.#current.open(request, deadline);
  }

  forget(accessToken: string): void {
    this.#current.forget(accessToken);
  }

  async onApplicationShutdown(): Promise<void> {
    for (const timer of this.#before.values()) clearTimeout(timer);
    await Promise.all([this.#current, ...this.#before.keys()].map((store) => store.onApplicationShutdown()));
  }

  /** Only the current store reports events. */
  #openNth(options: RedisAccessOptions, nth: number): SharedStore {
    return this.openStore(options, (event) => {
      if (nth === this.#generation) this.observe(event);
    });
  }
}
