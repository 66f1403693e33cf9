import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { AsposeLimits } from '../support/aspose-limits.js';
import { type BuiltService, startBuiltService } from '../support/built-service.js';
import { closedAtTheEnd } from '../support/leftovers.js';

jest.setTimeout(120_000);

const FIRST_HALF = 'a'.repeat(1000);
const SECOND_HALF = 'b'.repeat(1000);

/** A Cells API that sends the first half of a file, and the second half when told to. */
class HalfwayApi {
  readonly #server: Server;
  readonly #halfway: Promise<ServerResponse>;

  private constructor() {
    let tell: (response: ServerResponse) => void;
    this.#halfway = new Promise((resolve) => {
      tell = resolve;
    });
    this.#server = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
      response.write(FIRST_HALF, () => {
        tell(response);
      });
    });
  }

  static async start(): Promise<HalfwayApi> {
    const api = new HalfwayApi();
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return closedAtTheEnd(api);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async finish(): Promise<void> {
    (await this.#halfway).end(SECOND_HALF);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

async function startService(api: HalfwayApi, graceMs: number): Promise<BuiltService> {
  const upstream = await AsposeLimits.start();
  return startBuiltService({
    env: {
      UPSTREAM_TOKEN_URL: upstream.tokenUrl,
      CELLS_API_URL: api.origin,
      SHUTDOWN_GRACE_MS: String(graceMs),
      DOCS: 'off',
    },
  });
}

/** The answer to a download, once its first half has arrived. */
async function downloadHalf({ origin }: BuiltService): Promise<IncomingMessage> {
  const request = get(`${origin}/v3.0/cells/storage/file/book.xlsx`, { agent: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  request.on('error', () => undefined);
  await once(answer, 'readable');
  return answer;
}

async function noLongerListening({ origin }: BuiltService): Promise<void> {
  for (;;) {
    const probe = get(`${origin}/health/live`, { agent: false });
    const [answer] = await Promise.race([
      once(probe, 'response') as Promise<[IncomingMessage]>,
      once(probe, 'error').then(() => [undefined]),
    ]).catch(() => [undefined]);
    if (answer === undefined) return;
    answer.resume();
  }
}

describe('Stopping while the gateway passes something through', () => {
  it('lets a transfer end, and ends as soon as it has', async () => {
    const api = await HalfwayApi.start();
    // So long that a stop which waits for all of it runs into the time limit of the test.
    const service = await startService(api, 600_000);
    const answer = await downloadHalf(service);

    const code = service.stop();
    await noLongerListening(service);
    await api.finish();
    let body = '';
    for await (const chunk of answer) body += String(chunk);

    expect(body).toBe(FIRST_HALF + SECOND_HALF);
    expect(await code).toBe(0);
  });

  it('breaks the connection of a transfer that does not end in time, so that it does not look whole', async () => {
    const api = await HalfwayApi.start();
    const service = await startService(api, 1000);
    const answer = await downloadHalf(service);

    const broken = once(answer.resume(), 'error');
    expect(await service.stop()).toBe(0);

    expect((await broken)[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  it('ends at once when nothing is under way', async () => {
    const service = await startService(await HalfwayApi.start(), 600_000);
    expect(await service.stop()).toBe(0);
  });
});
