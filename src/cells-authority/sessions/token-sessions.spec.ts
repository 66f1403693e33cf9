import { randomBytes } from 'node:crypto';
import { dose } from '../../../test/support/dose.js';
import { heapUsed } from '../../../test/support/heap.js';
import { IssuedToken } from '../authorization-server/issued-token.js';
import { type AuthorityOptions } from '../cells-authority.options.js';
import { SharedKeys } from '../shared-store/shared-keys.js';
import { CacheKeys } from '../token-cache/cache-keys.js';
import { answerWith } from '../token-cache/kept-token.js';
import { type TokenAuthority } from '../token-cache/token-authority.js';
import { TokenSessions } from './token-sessions.js';

const REQUEST = {
  credentials: { clientId: 'an-id', clientSecret: 'a-secret' },
  scope: undefined,
  clientAddress: '::1',
};
const LIFETIME_S = 3600;
const SESSION_S = 10_000;
const MIB = 1024 * 1024;
const MADE_UP = dose(100_000, 30_000);

function issue(accessToken: string, expiresIn: number | undefined = LIFETIME_S): IssuedToken {
  const token = IssuedToken.parse(
    JSON.stringify({ access_token: accessToken, token_type: 'Bearer', expires_in: expiresIn }),
  );
  if (token === undefined) throw new Error('not a token');
  return token;
}

class Scene {
  now = 1_000_000;
  readonly obtain = jest.fn(() => answerWith(issue('the-good-one'), '', 'kept'));
  readonly sessions: TokenSessions;

  constructor(options: Partial<AuthorityOptions> = { cellsApiSessionMaxS: SESSION_S }) {
    const authority = { obtain: this.obtain, invalidate: () => false } as unknown as TokenAuthority;
    const clock = () => this.now;
    const keys = new CacheKeys({ upstreamTokenUrl: 'http://localhost', tokenCacheSecret: undefined });
    this.sessions = new TokenSessions(options as AuthorityOptions, keys, authority, undefined, clock, clock);
  }

  /** Hands out a token with this many seconds left. */
  handOut(token: IssuedToken, remaining = token.lifetime): void {
    this.sessions.begin(REQUEST, answerWith(token, token.text, 'kept', remaining));
  }

  /** Hands out a token to a client of its own. */
  handOutAlone(token: IssuedToken): void {
    const credentials = { clientId: token.accessToken, clientSecret: 'a-secret' };
    this.sessions.begin({ ...REQUEST, credentials }, answerWith(token, token.text, 'kept', token.lifetime));
  }

  has(accessToken: string): boolean {
    return this.sessions.find(accessToken) !== undefined;
  }
}

describe('TokenSessions', () => {
  it('are limited to 10,000; the least recently used go first, and begin again when their token is handed out', () => {
    const scene = new Scene();
    const unused = issue('unused');
    for (const token of [issue('used'), unused]) scene.handOutAlone(token);
    for (let nth = 2; nth < 10_000; nth += 1) scene.handOutAlone(issue(`token-${nth}`));
    expect(scene.has('used')).toBe(true);

    scene.handOutAlone(issue('one-more'));

    expect(scene.has('one-more')).toBe(true);
    expect(scene.has('used')).toBe(true);
    expect(scene.has('unused')).toBe(false);
    expect(scene.has('token-2')).toBe(true);

    scene.handOutAlone(unused);
    expect(scene.has('unused')).toBe(true);
  });

  it('are limited to 1,000 for a credential pair, whose oldest go first', () => {
    const scene = new Scene();
    scene.handOutAlone(issue('of another pair'));
    for (let nth = 0; nth < 1001; nth += 1) scene.handOut(issue(`token-${nth}`));

    expect(['token-0', 'token-1', 'token-1000', 'of another pair'].map((token) => scene.has(token))).toEqual([
      false,
      true,
      true,
      true,
    ]);
    // What has ended leaves room for others.
    scene.now += SESSION_S * 1000 + 1;
    for (let nth = 0; nth < 1000; nth += 1) scene.handOut(issue(`later-${nth}`));
    expect(scene.has('later-0')).toBe(true);
  });

  it('are removed from memory soon after they have ended', () => {
    const scene = new Scene();
    const scope = 's'.repeat(512);
    for (let nth = 0; nth < 10_000; nth += 1) {
      const token = issue(`token-${nth}`);
      const credentials = { clientId: `client-${nth}`, clientSecret: 'a-secret' };
      scene.sessions.begin({ credentials, scope, clientAddress: '::1' }, answerWith(token, token.text, 'fetched'));
    }
    const full = heapUsed();

    scene.now += SESSION_S * 1000 + 1;
    scene.handOut(issue('another'));
    expect(full - heapUsed()).toBeGreaterThan(5 * MIB);
  });

  it('cost cryptography once for each token, however often it is handed out', () => {
    const scene = new Scene();
    const seal = jest.spyOn(SharedKeys.prototype, 'seal');
    const key = jest.spyOn(CacheKeys.prototype, 'session');
    const token = issue('a-token');
    for (let nth = 0; nth < 100; nth += 1) scene.handOut(token, LIFETIME_S - nth);

    expect([seal.mock.calls.length, key.mock.calls.length]).toEqual([1, 1]);
    seal.mockRestore();
    key.mockRestore();
  });

  it('cannot be opened with another token', () => {
    const scene = new Scene();
    const seal = jest.spyOn(SharedKeys.prototype, 'seal');
    scene.handOut(issue('a-token'));
    const { value: sealed } = seal.mock.results[0] as { value: Buffer };
    const [[, key]] = seal.mock.calls as [[string, string, string]];
    const keys = seal.mock.contexts[0] as SharedKeys;
    seal.mockRestore();

    expect(keys.open(sealed, key, 'a-token')).toContain('a-secret');
    expect(keys.open(sealed, key, 'a-tokem')).toBeUndefined();
    expect(keys.open(sealed, `${key}x`, 'a-token')).toBeUndefined();
    expect(new SharedKeys('another secret').open(sealed, key, 'a-token')).toBeUndefined();
    expect(sealed.toString('latin1')).not.toMatch(/an-id|a-secret|a-token/);
  });

  it('end at a fixed age of the token, whenever it is handed out', () => {
    const scene = new Scene();
    scene.handOut(issue('a-token', 20_000), 11_000);
    scene.now += 1_000_000;
    expect(scene.has('a-token')).toBe(true);
    scene.now += 1;
    expect(scene.has('a-token')).toBe(false);

    scene.handOut(issue('older', 20_000), 10_000);
    expect(scene.has('older')).toBe(false);
  });

  it('do not begin for a token without a lifetime, which could not be reused', () => {
    const scene = new Scene();
    scene.sessions.begin(REQUEST, answerWith(issue('a-token', -1), '', 'fetched'));
    expect(scene.has('a-token')).toBe(false);
  });

  it('do not begin when they are off', () => {
    const scene = new Scene({});
    scene.handOut(issue('a-token'));
    scene.sessions.refused('a-token');
    expect(scene.has('a-token')).toBe(false);
  });

  it('request a token for the address of the request, as the service itself does', async () => {
    const scene = new Scene();
    scene.handOut(issue('a-token'));
    scene.now += LIFETIME_S * 1000;
    const session = await scene.sessions.find('a-token');

    expect(await session?.token(() => '203.0.113.9')).toBe('the-good-one');
    expect(scene.obtain.mock.calls).toEqual([
      [
        { ...REQUEST, clientAddress: '203.0.113.9' },
        { maxAge: Infinity, minFresh: 0, forceRefresh: false },
      ],
    ]);
  });

  it(`cost neither memory nor a token request for ${MADE_UP} made-up tokens`, () => {
    const scene = new Scene();
    scene.handOut(issue('a-token'));
    const before = heapUsed();
    let found = 0;
    for (let nth = 0; nth < MADE_UP; nth += 1) {
      const madeUp = randomBytes(24).toString('base64url');
      if (scene.has(madeUp)) found += 1;
      scene.sessions.refused(madeUp);
    }

    expect(found).toBe(0);
    expect(heapUsed() - before).toBeLessThan(MIB);
    expect(scene.obtain).not.toHaveBeenCalled();
    expect(scene.has('a-token')).toBe(true);
  });
});
