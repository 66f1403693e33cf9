import fc from 'fast-check';
import { CacheKeys, fingerprintOf } from './cache-keys.js';

const TOKEN_URL = 'https://api.aspose.cloud/connect/token';
const request = fc.record({
  clientId: fc.string(),
  clientSecret: fc.string(),
  scope: fc.option(fc.string(), { nil: undefined }),
});

const keysFor = (upstreamTokenUrl: string, tokenCacheSecret?: string) =>
  new CacheKeys({ upstreamTokenUrl, tokenCacheSecret });

describe('CacheKeys', () => {
  const keys = keysFor(TOKEN_URL);

  it.each([
    [
      { clientId: 'ab', clientSecret: 'c' },
      { clientId: 'a', clientSecret: 'bc' },
    ],
    [
      { clientId: 'a', clientSecret: 'b1:c' },
      { clientId: 'a1:b', clientSecret: 'c' },
    ],
    [
      { clientId: '', clientSecret: 'ab' },
      { clientId: 'ab', clientSecret: '' },
    ],
  ])('keeps id and secret apart: %j, %j', (one, other) => {
    expect(keys.token(one, undefined)).not.toBe(keys.token(other, undefined));
    expect(keys.pair(one)).not.toBe(keys.pair(other));
  });

  it('is equal for equal requests and for no others', () => {
    fc.assert(
      fc.property(request, request, (one, other) => {
        const same =
          one.clientId === other.clientId && one.clientSecret === other.clientSecret && one.scope === other.scope;
        expect(keys.token(one, one.scope) === keys.token(other, other.scope)).toBe(same);
        expect(keys.token(one, one.scope)).toBe(keys.token({ ...one }, one.scope));
      }),
    );
  });

  it('distinguishes an absent scope from one that looks like a secret', () => {
    expect(keys.token({ clientId: 'a', clientSecret: 'b' }, 'c')).not.toBe(
      keys.token({ clientId: 'a', clientSecret: 'b1:c' }, undefined),
    );
  });

  it('distinguishes scopes, for the token but not for the pair', () => {
    const pair = { clientId: 'a', clientSecret: 'b' };
    const tokens = [undefined, '', 'c', 'd'].map((scope) => keys.token(pair, scope));
    expect(new Set(tokens).size).toBe(4);
    expect(keys.pairOf(keys.token(pair, undefined))).toBe(keys.pair(pair));
  });

  it('differs between token URLs, purposes and processes', () => {
    const pair = { clientId: 'a', clientSecret: 'b' };
    const all = [
      keys.token(pair, undefined),
      keys.pair(pair),
      keysFor(TOKEN_URL).token(pair, undefined),
      keysFor('https://other.example/token').token(pair, undefined),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('shows nothing of the credentials', () => {
    const key = keys.token({ clientId: 'my-client-id', clientSecret: 'my-secret' }, 'scope');
    expect(key).toMatch(/^[\w-]{43}$/);
    expect(keys.fingerprint('my-client-id')).toMatch(/^[\w-]{8}$/);
  });

  it('makes other fingerprints with a renewed secret, or again its own without one', () => {
    const renewed = keysFor(TOKEN_URL);
    const own = renewed.fingerprint('my-client-id');
    renewed.renewFingerprints('y'.repeat(32));
    expect(renewed.fingerprint('my-client-id')).toBe(fingerprintOf('my-client-id', 'y'.repeat(32)));
    renewed.renewFingerprints(undefined);
    expect(renewed.fingerprint('my-client-id')).toBe(own);
  });

  it('has the same fingerprints in all processes with the secret, even while it is rotated, and in no others', () => {
    const secret = 'x'.repeat(32);
    const fingerprint = (tokenCacheSecret?: string) => keysFor(TOKEN_URL, tokenCacheSecret).fingerprint('my-client-id');

    expect(fingerprint(secret)).toBe(fingerprint(`${secret},${'y'.repeat(32)}`));
    expect(fingerprint(secret)).toBe(fingerprintOf('my-client-id', secret));
    expect(new Set([fingerprint(secret), fingerprint('y'.repeat(32)), fingerprint(), fingerprint()]).size).toBe(4);
  });
});
