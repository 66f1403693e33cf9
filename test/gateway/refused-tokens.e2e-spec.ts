import { tokenJson, jsonReply } from '../support/raw-reply.js';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { type RunningService, startService } from '../support/service.js';
import { HttpUpstream } from './test-gateway.js';

const API_PATH = '/v3.0/cells/book.xlsx';

let authorizationServer: ScriptedServer;
let api: HttpUpstream;
const issued = new Set<string>();
const revoked = new Set<string>();
let refusal = 401;

beforeAll(async () => {
  authorizationServer = await startScriptedServer(({ socket }) => {
    const token = `token-${issued.size}-xyz`;
    issued.add(token);
    socket.write(jsonReply(200, tokenJson('3600', token)));
  });
  api = await HttpUpstream.start((request, response) => {
    const token = request.headers.authorization?.slice('Bearer '.length) ?? '';
    response.writeHead(issued.has(token) && !revoked.has(token) ? 200 : refusal).end('api');
  });
});
afterAll(async () => {
  await api.close();
  await authorizationServer.close();
});
beforeEach(() => {
  refusal = 401;
});

async function tokenFrom(service: RunningService): Promise<string> {
  const body = new URLSearchParams({ client_id: 'id', client_secret: 'a-secret' });
  const response = await fetch(`${service.origin}/v4.0/cells/connect/token`, { method: 'POST', body });
  return ((await response.json()) as { access_token: string }).access_token;
}

async function call(service: RunningService, token: string): Promise<number> {
  const response = await fetch(service.origin + API_PATH, { headers: { Authorization: `Bearer ${token}` } });
  await response.text();
  return response.status;
}

const environment = () => ({ UPSTREAM_TOKEN_URL: authorizationServer.tokenUrl, CELLS_API_URL: api.origin });

describe('A token that the Cells API refuses', () => {
  let service: RunningService;

  beforeAll(async () => {
    service = await startService(environment());
  });
  afterAll(async () => {
    await service.close();
  });

  it('is dropped, so that the next request gets a new one', async () => {
    const token = await tokenFrom(service);
    expect(await call(service, token)).toBe(200);
    expect(await tokenFrom(service)).toBe(token);
    revoked.add(token);
    expect(await call(service, token)).toBe(401);
    const next = await tokenFrom(service);
    expect(next).not.toBe(token);
    // Refusing the old one again does not affect the new one.
    expect(await call(service, token)).toBe(401);
    expect(await tokenFrom(service)).toBe(next);
    const metrics = await (await fetch(`${service.origin}/metrics`)).text();
    expect(metrics).toContain('cells_authority_gateway_tokens_total{action="dropped"} 1');
  });

  it('with 403 is not dropped: that is about what it may do', async () => {
    const token = await tokenFrom(service);
    revoked.add(token);
    refusal = 403;
    expect(await call(service, token)).toBe(403);
    expect(await tokenFrom(service)).toBe(token);
    revoked.delete(token);
  });

  it('but that was not issued here has no effect at all', async () => {
    const token = await tokenFrom(service);
    for (const made of ['made-up', `${token}x`, token.slice(0, -1), token.toUpperCase()]) {
      expect(await call(service, made)).toBe(401);
    }
    expect(await tokenFrom(service)).toBe(token);
  });
});
