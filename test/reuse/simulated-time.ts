import { type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  type CellsAuthorityOptions,
  CellsAuthorityModule,
  CellsAuthorityService,
} from '../../src/cells-authority/index.js';
import { AUTHORITY_CLOCK, WALL_CLOCK } from '../../src/cells-authority/injection-tokens.js';
import { type TokenRequest } from '../../src/cells-authority/client-credentials/client-credentials.js';
import { OAuthError } from '../../src/cells-authority/errors/oauth-error.js';
import { closedAtTheEnd } from '../support/leftovers.js';
import { type KindOfPath, obtain, tokenRequest } from '../support/token-request.js';
import { AsposeLimits } from '../support/aspose-limits.js';

/** Not 0, at which a wrong sign would not show. */
const START_MS = 1_000_000;

/** The module in front of an authorization server that enforces Aspose's limit, both on one simulated clock. */
export class SimulatedTime {
  now = START_MS;
  /** Milliseconds by which the wall clock is ahead, after a suspend, say. */
  wallClockLead = 0;

  private constructor(
    readonly upstream: AsposeLimits,
    readonly service: CellsAuthorityService,
    private readonly module: INestApplicationContext,
    public close: () => Promise<void>,
  ) {}

  static async start(clients: [string, string][], options: CellsAuthorityOptions = {}): Promise<SimulatedTime> {
    const clock = { read: () => START_MS, readWall: () => START_MS };
    const upstream = await AsposeLimits.start({ clients, now: () => clock.read(), record: false });
    const testing = Test.createTestingModule({
      imports: [
        CellsAuthorityModule.forRoot(
          Object.assign({ upstreamTokenUrl: upstream.tokenUrl, observer: () => undefined }, options),
        ),
      ],
    });
    const module = await testing
      .overrideProvider(AUTHORITY_CLOCK)
      .useValue(() => clock.read())
      .overrideProvider(WALL_CLOCK)
      .useValue(() => clock.readWall())
      .compile();
    const time = new SimulatedTime(upstream, module.get(CellsAuthorityService), module, async () => {
      await module.close();
      await upstream.close();
    });
    clock.read = () => time.now;
    clock.readWall = () => time.now + time.wallClockLead;
    return closedAtTheEnd(time);
  }

  pass(seconds: number): void {
    this.now += seconds * 1000;
  }

  /** The status that an HTTP client at that address gets. */
  async ask(
    clientId: string,
    clientSecret: string,
    more: Partial<TokenRequest> = {},
    path: KindOfPath = 'published',
  ): Promise<number> {
    try {
      await obtain(this.module, tokenRequest(clientId, clientSecret, more), path);
      return 200;
    } catch (error) {
      if (error instanceof OAuthError) return error.status;
      throw error;
    }
  }
}
