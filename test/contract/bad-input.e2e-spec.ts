import { AsposeLimits } from '../support/aspose-limits.js';
import { exchange } from '../support/http-exchange.js';
import { type RunningService, startService } from '../support/service.js';
import { AWKWARD_SECRET, badInput, CLIENT_ID, CLIENT_SECRET, INPUTS } from './bad-input.table.js';

describe('Bad input', () => {
  let upstream: AsposeLimits;
  let service: RunningService;

  beforeAll(async () => {
    upstream = await AsposeLimits.start({ clients: [[CLIENT_ID, CLIENT_SECRET]] });
    service = await startService({ UPSTREAM_TOKEN_URL: upstream.tokenUrl, TOKEN_CACHE: 'off' });
  });

  afterAll(async () => {
    await service.close();
    await upstream.close();
  });

  it.each(badInput)('$row: $input gets $status $error', async ({ send, status, error, upstream: form }) => {
    upstream.clear();
    upstream.clients.set(CLIENT_ID, form?.client_secret ?? CLIENT_SECRET);

    const reply = await exchange(service.origin, send);

    expect(reply.status).toBe(status);
    expect(reply.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
    });
    expect(upstream.requests.map(({ fields }) => Object.fromEntries(fields))).toEqual(form === undefined ? [] : [form]);
    if (status === 405) expect(reply.headers.allow).toBe('POST');
    if (send.method === 'HEAD') return;
    if (error === undefined) {
      expect(JSON.parse(reply.body)).toMatchObject({ access_token: expect.any(String), token_type: 'Bearer' });
      return;
    }
    const body = JSON.parse(reply.body);
    expect(body).toEqual({ error, error_description: expect.any(String), message: body.error_description });
    expect(body.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    // Made at random, the request's ID can contain anything.
    const answer = reply.body + JSON.stringify({ ...reply.headers, 'x-request-id': undefined });
    for (const input of INPUTS) expect(answer).not.toContain(input);
  });

  it('6: exact values reach upstream in every form', async () => {
    upstream.clients.set(CLIENT_ID, AWKWARD_SECRET);
    const encoded = new URLSearchParams({ client_id: CLIENT_ID, client_secret: AWKWARD_SECRET }).toString();
    const path = '/v4.0/cells/connect/token';
    const requests = [
      { path: `${path}?${encoded}` },
      { path, headers: ['Content-Type', 'application/x-www-form-urlencoded; charset=UTF-8'], body: encoded },
      {
        path,
        headers: ['Content-Type', 'application/json; charset=utf-8'],
        body: JSON.stringify({ client_id: CLIENT_ID, client_secret: AWKWARD_SECRET }),
      },
    ];
    for (const request of requests) {
      upstream.clear();
      const reply = await exchange(service.origin, request);
      expect(reply.status).toBe(200);
      expect(upstream.requests[0]?.fields).toEqual([
        ['grant_type', 'client_credentials'],
        ['client_id', CLIENT_ID],
        ['client_secret', AWKWARD_SECRET],
      ]);
    }
  });
});
