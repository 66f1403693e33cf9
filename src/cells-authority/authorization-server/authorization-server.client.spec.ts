import { HttpService } from '@nestjs/axios';
import { type AuthorityEvent } from '../authority-observer.js';
import { completeOptions } from '../cells-authority.options.js';
import { OAuthError } from '../errors/oauth-error.js';
import { AuthorizationServerClient } from './authorization-server.client.js';
import { TokenEndpoint } from './token-endpoint.js';

const TIMEOUT_MS = 8000;
const TOKEN = {
  status: 200,
  retryAfter: undefined,
  body: '{"access_token":"a","token_type":"Bearer","expires_in":60}',
};

describe('AuthorizationServerClient', () => {
  let now: number;
  let events: AuthorityEvent[];
  let sent: { answer(): void }[];
  let client: AuthorizationServerClient;

  beforeEach(() => {
    jest.useFakeTimers();
    now = 1_000_000;
    events = [];
    sent = [];
    const options = completeOptions({ upstreamMaxConnections: 1, upstreamTimeoutMs: TIMEOUT_MS });
    const endpoint = new TokenEndpoint(new HttpService(), options);
    jest.spyOn(endpoint, 'post').mockImplementation(
      () =>
        new Promise((resolve) => {
          sent.push({
            answer: () => {
              resolve(TOKEN);
            },
          });
        }),
    );
    client = new AuthorizationServerClient(
      endpoint,
      options,
      () => now,
      (event) => events.push(event),
    );
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** The status of the outcome of a request that begins now. */
  const request = async (name: string): Promise<number> => {
    const credentials = { clientId: name, clientSecret: 'secret' };
    const asked = { credentials, scope: undefined, client: name, pair: name, origin: name };
    try {
      await client.requestToken(asked, now + TIMEOUT_MS);
      return 200;
    } catch (error) {
      if (error instanceof OAuthError) return error.status;
      throw error;
    }
  };

  const asFarAsItGoes = async () => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };

  it('does not send a request with less than a quarter of its time left', async () => {
    const first = request('first');
    const [inTime, late] = [request('in time'), request('late')];
    await asFarAsItGoes();
    now += 0.75 * TIMEOUT_MS;
    sent[0]?.answer();
    expect(await first).toBe(200);
    await asFarAsItGoes();
    expect(sent).toHaveLength(2);
    now += 1;
    sent[1]?.answer();
    expect(await inTime).toBe(200);
    expect(await late).toBe(504);
    expect(sent).toHaveLength(2);
    expect(events.at(-1)).toEqual({ type: 'not_forwarded', reason: 'waited_too_long' });
  });

  it('reports requests that waited too long, and does not count their timeouts as failures of upstream', async () => {
    const first = request('first');
    const waiting = Array.from({ length: 10 }, (_, nth) => request(`waiting ${nth}`));
    await asFarAsItGoes();
    jest.advanceTimersByTime(0.75 * TIMEOUT_MS);
    now += 0.75 * TIMEOUT_MS;
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => 504));
    expect(events).toEqual(waiting.map(() => ({ type: 'not_forwarded', reason: 'waited_too_long' })));
    sent[0]?.answer();
    expect(await first).toBe(200);
    const next = request('next');
    await asFarAsItGoes();
    sent[1]?.answer();
    expect(await next).toBe(200);
  });
});
