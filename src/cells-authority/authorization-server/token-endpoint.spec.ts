import { completeOptions } from '../cells-authority.options.js';
import { openConnectionPool, type UpstreamRequest } from './connection-pool.js';
import { TokenEndpoint, tokenHttpService } from './token-endpoint.js';
import { type UpstreamResponse } from './token-exchange.js';
import { TransportFailure } from './transport-failure.js';

const ANSWER: UpstreamResponse = { status: 418, retryAfter: '7', body: '{"a":1}' };

describe('TokenEndpoint', () => {
  const options = completeOptions({ upstreamTokenUrl: 'https://api.example/connect/token?a=b' });
  const sent: UpstreamRequest[] = [];
  let answer: () => Promise<UpstreamResponse>;
  let endpoint: TokenEndpoint;

  beforeEach(() => {
    sent.length = 0;
    answer = () => Promise.resolve(ANSWER);
    const pool = openConnectionPool(options);
    jest.spyOn(pool, 'exchange').mockImplementation((request) => {
      sent.push(request);
      return answer();
    });
    endpoint = new TokenEndpoint(tokenHttpService(pool, options), options);
  });

  it('sends the form to the path of the token URL, with its query, and asks for JSON that is not compressed', async () => {
    await endpoint.post('a=1&b=2', 1234, { traceparent: 'trace' });
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({
      path: '/connect/token?a=b',
      body: 'a=1&b=2',
      timeoutMs: 1234,
      ownConnection: false,
      headers: {
        Accept: 'application/json',
        'Accept-Encoding': 'identity',
        'Content-Type': expect.stringContaining('application/x-www-form-urlencoded') as string,
        traceparent: 'trace',
      },
    });
  });

  it('sends on a connection of its own when the headers say that it closes', async () => {
    await endpoint.post('a=1', 1, { Connection: 'close' });
    await endpoint.post('a=1', 1, undefined);
    expect(sent.map(({ ownConnection }) => ownConnection)).toEqual([true, false]);
  });

  it('returns the answer as it is, whatever its status', async () => {
    expect(await endpoint.post('a=1', 1, undefined)).toEqual(ANSWER);
    answer = () => Promise.resolve({ ...ANSWER, retryAfter: undefined });
    expect(await endpoint.post('a=1', 1, undefined)).toEqual({ ...ANSWER, retryAfter: undefined });
  });

  it('returns why there is no answer, and nothing of an error that may have the secret in it', async () => {
    const failure = new TransportFailure('timeout', false, 'DEADLINE');
    answer = () => Promise.reject(failure);
    expect(await endpoint.post('a=1', 1, undefined)).toBe(failure);
    answer = () => Promise.reject(new Error('client_secret=x'));
    const other = await endpoint.post('a=1', 1, undefined);
    expect(other).toMatchObject({ kind: 'connection_lost', unseen: false, code: 'UNKNOWN' });
    expect(other).toBeInstanceOf(TransportFailure);
  });
});
