import { type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { type TokenRequest } from '../../src/cells-authority/client-credentials/client-credentials.js';
import {
  type AuthorityEvent,
  CellsAuthorityModule,
  type CellsAuthorityOptions,
  CellsAuthorityService,
} from '../../src/cells-authority/index.js';
import { OAuthError } from '../../src/cells-authority/errors/oauth-error.js';
import {
  AUTHORITY_CLOCK,
  SHARED_STORE,
  SHARED_STORE_PATIENCE_MS,
  WALL_CLOCK,
} from '../../src/cells-authority/injection-tokens.js';
import { type SharedStore } from '../../src/cells-authority/shared-store/shared-store.js';
import { TokenCache } from '../../src/cells-authority/token-cache/token-cache.js';
import { type KindOfPath, obtain, tokenRequest } from '../support/token-request.js';
import { ownerOf } from '../support/owned-token.js';

export const CACHE_SECRET = 'the-secret-of-the-shared-store-0001';

/** What a client got: the serial number of its token, or the status of its error. */
export interface Answer {
  readonly status: number;
  readonly serial: number | undefined;
  readonly expiresIn: number | undefined;
  readonly body: string;
}

/** One instance of the module, with its own memory. */
export class Instance {
  readonly events: AuthorityEvent[] = [];
  /** Added to the monotonic clock. */
  skippedMs = 0;
  /** Added to the wall clock. */
  wallClockLeadMs = 0;

  private constructor(
    readonly service: CellsAuthorityService,
    private readonly module: INestApplicationContext,
    readonly store: SharedStore,
    readonly cache: TokenCache,
    readonly close: () => Promise<void>,
  ) {}

  /** Waits for Redis as long as a busy machine may take, except where the wait itself is tested. */
  static async start(options: CellsAuthorityOptions, patienceMs = 10_000): Promise<Instance> {
    const listener: { instance?: Instance; early: AuthorityEvent[] } = { early: [] };
    const clock = () => performance.now() + (listener.instance?.skippedMs ?? 0);
    const module = await Test.createTestingModule({
      imports: [
        CellsAuthorityModule.forRoot(
          Object.assign(
            {
              tokenCache: 'redis',
              tokenCacheSecret: CACHE_SECRET,
              observer: (event: AuthorityEvent) => (listener.instance?.events ?? listener.early).push(event),
            },
            options,
          ),
        ),
      ],
    })
      .overrideProvider(AUTHORITY_CLOCK)
      .useValue(clock)
      .overrideProvider(WALL_CLOCK)
      .useValue(() => Date.now() + (listener.instance?.wallClockLeadMs ?? 0))
      .overrideProvider(SHARED_STORE_PATIENCE_MS)
      .useValue(patienceMs)
      .compile();
    const store = module.get<SharedStore>(SHARED_STORE);
    const instance = new Instance(module.get(CellsAuthorityService), module, store, module.get(TokenCache), () =>
      module.close(),
    );
    instance.events.push(...listener.early);
    listener.instance = instance;
    return instance;
  }

  /** Forgets everything older than this many seconds, in memory only. */
  skip(seconds: number): void {
    this.skippedMs += seconds * 1000;
  }

  /** Resolves when Redis is in use. */
  async connected(): Promise<this> {
    await until(() => this.store.available);
    return this;
  }

  outcomes(operation: string): string[] {
    return this.events.flatMap((event) =>
      event.type === 'shared_store' && event.operation === operation ? [event.outcome] : [],
    );
  }

  async ask(
    clientId: string,
    clientSecret: string,
    more: Partial<TokenRequest> = {},
    path: KindOfPath = 'published',
  ): Promise<Answer> {
    try {
      const { text } = await obtain(this.module, tokenRequest(clientId, clientSecret, more), path);
      const response = JSON.parse(text) as { access_token: string; expires_in: number };
      return {
        status: 200,
        serial: ownerOf(response.access_token).serial,
        expiresIn: response.expires_in,
        body: text,
      };
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return { status: error.status, serial: undefined, expiresIn: undefined, body: error.body };
    }
  }
}

/** Polls until the condition holds, because there is no event to wait for. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`still not so after ${limitMs} ms: ${String(condition)}`);
    await delay(5);
  }
}
