import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AsposeLimits } from '../support/aspose-limits.js';
import { startBuiltService } from '../support/built-service.js';
import { exchange } from '../support/http-exchange.js';
import { BearerApi } from './bearer-api.js';

/** Unlike any other string, and split in two so that it is not found in this file. */
const unique = (name: string) => [name, 'f00dfeedfacecafe'].join('-');
const ID = unique('session-id');
const SECRET = unique('session-secret');

/** The process writes while it does nothing else; the file is complete when it parses. */
async function completeSnapshot(folder: string): Promise<string> {
  for (;;) {
    const [file] = readdirSync(folder);
    const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8');
    if (text.trimEnd().endsWith('}')) return text;
    await delay(200);
  }
}

describe('What a session keeps in memory', () => {
  it('is neither the id, nor the secret, nor the token that it is found by', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'heap-'));
    const upstream = await AsposeLimits.start({ clients: [[ID, SECRET]] });
    const api = await BearerApi.start();
    const service = await startBuiltService({
      env: { UPSTREAM_TOKEN_URL: upstream.tokenUrl, CELLS_API_URL: api.origin, CELLS_API_SESSION_MAX_S: '604800' },
      nodeArguments: [`--diagnostic-dir=${folder}`, '--heapsnapshot-signal=SIGUSR2'],
    });
    const send = async (path: string, headers: string[] = []) =>
      (await exchange(service.origin, { method: path.includes('token') ? 'POST' : 'GET', path, headers })).body;
    const call = (token: string) => send('/v3.0/cells/book.xlsx', ['Authorization', `Bearer ${token}`]);
    const answer = await send(`/connect/token?client_id=${ID}&client_secret=${SECRET}`);
    const { access_token: token } = JSON.parse(answer) as { access_token: string };
    api.refused.add(token);
    expect(await call(token)).toBe('api 200');
    const [, good = ''] = api.takeTokens();
    // Further requests replace what the HTTP layer still has of the last one.
    for (let i = 0; i < 20; i += 1) await send('/health/live');

    service.process.kill('SIGUSR2');
    const snapshot = await completeSnapshot(folder);
    const afterwards = await call(token);
    await service.stop();
    await api.close();
    await upstream.close();
    rmSync(folder, { recursive: true });

    expect(snapshot).toContain(good);
    expect(snapshot).not.toContain(token);
    expect(snapshot).not.toContain(ID);
    expect(snapshot).not.toContain(SECRET);
    // With the token all of it can be read.
    expect(afterwards).toBe('api 200');
    expect(api.takeTokens()).toEqual([good]);
  });
});
