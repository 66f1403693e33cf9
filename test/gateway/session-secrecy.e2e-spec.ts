import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange } from '../support/http-exchange.js';
import { SearchableService, unmistakable } from '../support/searchable-service.js';
import { BearerApi } from './bearer-api.js';

const ID = unmistakable('session-id');
const SECRET = unmistakable('session-secret');

jest.setTimeout(120_000);

describe('What a session keeps in memory', () => {
  it('is neither the id, nor the secret, nor the token that it is found by', async () => {
    const upstream = await AsposeLimits.start({ clients: [[ID, SECRET]] });
    const api = await BearerApi.start();
    const service = await SearchableService.start({
      UPSTREAM_TOKEN_URL: upstream.tokenUrl,
      CELLS_API_URL: api.origin,
      CELLS_API_SESSION_MAX_S: '604800',
    });
    const send = async (path: string, headers: string[] = []) =>
      (await exchange(service.origin, { method: path.includes('token') ? 'POST' : 'GET', path, headers })).body;
    const call = (token: string) => send('/v3.0/cells/book.xlsx', ['Authorization', `Bearer ${token}`]);
    const answer = await send(`/connect/token?client_id=${ID}&client_secret=${SECRET}`);
    const { access_token: token } = JSON.parse(answer) as { access_token: string };
    api.refused.add(token);
    expect(await call(token)).toBe('api 200');
    const [, good = ''] = api.takeTokens();

    const heap = await service.heap();
    const afterwards = await call(token);
    await service.stop();
    await api.close();
    await upstream.close();

    expect(heap).toContain(good);
    expect(heap).not.toContain(token);
    expect(heap).not.toContain(ID);
    expect(heap).not.toContain(SECRET);
    // With the token all of it can be read.
    expect(afterwards).toBe('api 200');
    expect(api.takeTokens()).toEqual([good]);
  });
});
