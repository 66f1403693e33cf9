import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AsposeLimits } from '../support/aspose-limits.js';
import { startBuiltService } from '../support/built-service.js';
import { exchange } from '../support/http-exchange.js';

/** Unlike any other string, and split in two so that it is not found in this file. */
const unique = (name: string) => [name, 'f00dfeedfacecafe'].join('-');

/** The process writes while it does nothing else; the file is complete when it parses. */
async function completeSnapshot(folder: string): Promise<string> {
  for (;;) {
    const [file] = readdirSync(folder);
    const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8');
    if (text.trimEnd().endsWith('}')) return text;
    await delay(200);
  }
}

/** A heap snapshot takes a busy machine a while. */
jest.setTimeout(120_000);

describe('What stays in memory', () => {
  it('is the token, but not the secret of its request', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'heap-'));
    const upstream = await AsposeLimits.start({ clients: [['retention', unique('kept-secret')]] });
    const service = await startBuiltService({
      env: { UPSTREAM_TOKEN_URL: upstream.tokenUrl },
      nodeArguments: [`--diagnostic-dir=${folder}`, '--heapsnapshot-signal=SIGUSR2'],
    });
    const send = (path: string) => exchange(service.origin, { path });
    const { body } = await send(`/connect/token?client_id=retention&client_secret=${unique('kept-secret')}`);
    await send(`/connect/token?client_id=retention&client_secret=${unique('wrong-secret')}`);
    // Further requests replace what the HTTP layer still has of the last one.
    for (let i = 0; i < 20; i += 1) await send('/health/live');

    service.process.kill('SIGUSR2');
    const snapshot = await completeSnapshot(folder);
    await service.stop();
    await upstream.close();
    rmSync(folder, { recursive: true });
    expect(existsSync(folder)).toBe(false);

    expect(snapshot).toContain(JSON.parse(body).access_token);
    expect(snapshot).not.toContain(unique('kept-secret'));
    expect(snapshot).not.toContain(unique('wrong-secret'));
  });
});
