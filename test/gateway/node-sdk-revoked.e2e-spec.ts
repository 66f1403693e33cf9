import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type CellsStandIn, startCellsStandIn } from '../support/cells-stand-in.js';
import { killedAtTheEnd } from '../support/leftovers.js';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js';
import { type RunningService, startService } from '../support/service.js';

/** Starting the servers and processes takes a busy machine a while. */
const PATIENCE_MS = 120_000;

jest.setTimeout(PATIENCE_MS);

/** Lists the files, and does so again when told to. */
const LISTS_TWICE = `
  import { once } from 'node:events';
  import sdk from 'asposecellscloud';

  const { BASE_URL, CLIENT_ID, CLIENT_SECRET } = process.env;
  const cells = new sdk.CellsApi(CLIENT_ID, CLIENT_SECRET, 'v3.0', BASE_URL);
  const list = async () => {
    const { body } = await cells.getFilesList(new sdk.GetFilesListRequest({ path: '' }));
    console.log('listed', body.value.length);
  };
  await list();
  await once(process.stdin, 'data');
  // The SDK's rejections can be caught; an error that it throws outside of them cannot.
  await list().catch((error) => console.log('caught', error));
  process.exit();
`;

interface SdkEnd {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

describe('A process of the official Node SDK whose token is revoked', () => {
  let provider: OidcProvider;
  let standIn: CellsStandIn;
  let service: RunningService;
  let withSessions: RunningService;

  beforeAll(async () => {
    provider = await startOidcProvider();
    standIn = await startCellsStandIn(provider);
    const environment = { UPSTREAM_TOKEN_URL: provider.tokenUrl, CELLS_API_URL: standIn.origin };
    service = await startService(environment);
    withSessions = await startService({ ...environment, CELLS_API_SESSION_MAX_S: '604800' });
  });

  afterAll(async () => {
    await service.close();
    await withSessions.close();
    await standIn.close();
    await provider.close();
  });

  /** Runs the script, and `between` while it waits. */
  async function listTwice({ origin }: RunningService, between: () => Promise<void>): Promise<SdkEnd> {
    const { clientId, clientSecret } = provider.client;
    const sdk = killedAtTheEnd(
      spawn(process.execPath, ['--input-type=module', '-e', LISTS_TWICE], {
        env: { ...process.env, BASE_URL: origin, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret },
        stdio: 'pipe',
      }),
    );
    const exited = once(sdk, 'exit') as Promise<[number | null]>;
    const errors = text(sdk.stderr);
    const lines: string[] = [];
    const output = createInterface(sdk.stdout).on('line', (line) => lines.push(line));
    const outputEnded = once(output, 'close');
    await Promise.race([once(output, 'line'), exited]);
    await between();
    sdk.stdin.end('go on');
    const [code] = await exited;
    await outputEnded;
    return { code, output: lines.join('\n'), errors: await errors };
  }

  /** The one that the process has: both ask for the same pair. */
  async function currentToken({ origin }: RunningService): Promise<string> {
    const { clientId, clientSecret } = provider.client;
    const body = new URLSearchParams({ client_id: clientId, client_secret: clientSecret });
    const answer = await fetch(`${origin}/connect/token`, { method: 'POST', body });
    return ((await answer.json()) as { access_token: string }).access_token;
  }

  it('dies of a rejection inside the SDK, and works again at once when it is started anew', async () => {
    const dead = await listTwice(service, async () => {
      await standIn.revoke(await currentToken(service));
    });
    expect(dead).toMatchObject({ code: 1, output: 'listed 0' });
    expect(dead.errors).toContain('UnhandledPromiseRejection');

    const anew = await listTwice(service, () => Promise.resolve());
    expect(anew).toMatchObject({ code: 0, output: 'listed 0\nlisted 0' });
  });

  it('goes on in a session, and does not notice', async () => {
    const alive = await listTwice(withSessions, async () => {
      await standIn.revoke(await currentToken(withSessions));
    });
    expect(alive).toEqual({ code: 0, output: 'listed 0\nlisted 0', errors: '' });
  });
});
