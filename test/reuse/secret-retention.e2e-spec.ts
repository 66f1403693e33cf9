import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange } from '../support/http-exchange.js';
import { SearchableService, unmistakable } from '../support/searchable-service.js';

jest.setTimeout(120_000);

describe('What stays in memory', () => {
  it('is the token, but not the secret of its request', async () => {
    const upstream = await AsposeLimits.start({ clients: [['retention', unmistakable('kept-secret')]] });
    const service = await SearchableService.start({ UPSTREAM_TOKEN_URL: upstream.tokenUrl });
    const send = (secret: string) =>
      exchange(service.origin, { path: `/connect/token?client_id=retention&client_secret=${secret}` });
    const { body } = await send(unmistakable('kept-secret'));
    await send(unmistakable('wrong-secret'));

    const heap = await service.heap();
    await service.stop();
    await upstream.close();

    expect(heap).toContain(JSON.parse(body).access_token);
    expect(heap).not.toContain(unmistakable('kept-secret'));
    expect(heap).not.toContain(unmistakable('wrong-secret'));
  });
});
