import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AppModule } from '../../src/app.module.js';
import { AUTHORITY_CLOCK, SHARED_STORE_PATIENCE_MS, WALL_CLOCK } from '../../src/cells-authority/injection-tokens.js';
import { CellsGateway } from '../../src/cells-gateway/cells-gateway.js';
import { readEnvironment } from '../../src/config/environment.js';
import { httpServerOptions } from '../../src/http/http-server-options.js';
import { NestLogger } from '../../src/logging/nest-logger.js';
import { closedAtTheEnd } from '../support/leftovers.js';

/** The outcome of a call to the Cells API. */
export interface CallResult {
  readonly status: number;
  readonly body: string;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Sends the body in chunks, without a length. */
  readonly chunked?: boolean;
}

/** Not 0, at which a wrong sign would not show. */
const START_MS = 1_000_000;
const API_PATH = '/v3.0/cells/book.xlsx';

/** The whole service with the gateway, on a simulated clock. */
export class SimulatedService {
  #actionsBefore: Record<string, number> = {};

  private constructor(
    readonly app: NestFastifyApplication,
    private readonly time: { now: number },
    readonly close: () => Promise<void>,
  ) {}

  /** Waits for Redis as long as a busy machine may take. */
  static async start(variables: Readonly<Record<string, string>>): Promise<SimulatedService> {
    const environment = readEnvironment({ LOG_LEVEL: 'silent', ...variables });
    const { logger } = NestLogger.toStandardOutput(environment.LOG_LEVEL);
    const time = { now: START_MS };
    const module = await Test.createTestingModule({ imports: [AppModule.forEnvironment(environment, logger)] })
      .overrideProvider(AUTHORITY_CLOCK)
      .useValue(() => time.now)
      .overrideProvider(WALL_CLOCK)
      .useValue(() => time.now)
      .overrideProvider(SHARED_STORE_PATIENCE_MS)
      .useValue(10_000)
      .compile();
    const gateway = module.get(CellsGateway);
    const adapter = new FastifyAdapter(
      httpServerOptions(
        environment,
        undefined,
        () => undefined,
        () => gateway,
      ),
    );
    const app = module.createNestApplication<NestFastifyApplication>(adapter, { bodyParser: false, logger: false });
    await app.listen(0, '127.0.0.1');
    return closedAtTheEnd(new SimulatedService(app, time, () => app.close()));
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.app.getHttpServer().address() as AddressInfo).port}`;
  }

  pass(seconds: number): void {
    this.time.now += seconds * 1000;
  }

  async token(clientId: string, clientSecret: string, scope?: string): Promise<string> {
    const body = new URLSearchParams({
      client_id: clientId,
      client_secret: clientSecret,
      ...(scope === undefined ? {} : { scope }),
    });
    const response = await fetch(`${this.origin}/v4.0/cells/connect/token`, { method: 'POST', body });
    return ((await response.json()) as { access_token: string }).access_token;
  }

  async call(token: string, { method = 'GET', headers = {}, body, chunked = false }: Call = {}): Promise<CallResult> {
    const framing = chunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': String(body?.length ?? 0) };
    const outgoing = request(this.origin + API_PATH, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...framing, ...headers },
    });
    outgoing.on('error', () => undefined);
    outgoing.end(body);
    const [response] = await once(outgoing, 'response');
    return { status: response.statusCode, body: await text(response) };
  }

  /** How often each action was taken on a token since the last call; actions that were not taken are left out. */
  async tokenActions(): Promise<Record<string, number>> {
    const metrics = await (await fetch(`${this.origin}/metrics`)).text();
    const lines = [...metrics.matchAll(/^cells_authority_gateway_tokens_total\{action="(\w+)"\} (\d+)$/gm)];
    const before = this.#actionsBefore;
    this.#actionsBefore = Object.fromEntries(lines.map(([, action, count]) => [action, Number(count)]));
    const since = Object.entries(this.#actionsBefore).map(([action, count]): [string, number] => [
      action,
      count - (before[action] ?? 0),
    ]);
    return Object.fromEntries(since.filter(([, count]) => count > 0));
  }
}
