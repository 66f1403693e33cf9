import { SharedKeys } from './shared-keys.js';

const KEYS = new SharedKeys('the-secret-of-the-shared-store-0001');
const OTHERS = new SharedKeys('the-secret-of-the-shared-store-0002');

describe('SharedKeys', () => {
  it('makes a key per purpose, secret and fields, in one slot for all purposes of one subject', () => {
    const one = KEYS.key('token', ['a', 'bc']);
    expect(one).toMatch(/^ca:token:\{[\w-]{43}\}$/);
    expect(KEYS.key('lock', ['a', 'bc'])).toBe(one.replace('token', 'lock'));
    const others = [['ab', 'c'], ['abc'], ['a', 'bc', ''], ['a', 'b', 'c'], []].map((fields) =>
      KEYS.key('token', fields),
    );
    expect(new Set([one, OTHERS.key('token', ['a', 'bc']), ...others]).size).toBe(2 + others.length);
  });

  it('opens what it sealed, with the same secrets and for the same key only', () => {
    const sealed = KEYS.seal('texté', 'key', 'secret');
    expect(KEYS.open(sealed, 'key', 'secret')).toBe('texté');
    expect(KEYS.open(KEYS.seal('', 'key', 'secret'), 'key', 'secret')).toBe('');
    expect([
      KEYS.open(sealed, 'other', 'secret'),
      KEYS.open(sealed, 'key', 'other'),
      OTHERS.open(sealed, 'key', 'secret'),
    ]).toEqual([undefined, undefined, undefined]);
    expect(KEYS.seal('texté', 'key', 'secret').equals(sealed)).toBe(false);
  });

  it.each(['text', ''])('opens nothing that was changed or cut, at any byte (%p)', (text) => {
    const sealed = KEYS.seal(text, 'key', 'secret');
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(KEYS.open(changed, 'key', 'secret')).toBeUndefined();
      expect(KEYS.open(sealed.subarray(0, at), 'key', 'secret')).toBeUndefined();
    }
  });

  it('understands what earlier versions left in Redis, which a rolling update needs', () => {
    const key = 'ca:token:{vWIDrbNc-2mSxIlDgp5AXU1N4JyVuX4i2qUlWQLkQ2w}';
    const sealed = Buffer.from('AY/Xne+GHtOorCA47U1oMUmnwvjhvIDgNujy2vbD0ymIFFc=', 'base64');
    expect(KEYS.key('token', ['a', 'bc'])).toBe(key);
    expect(KEYS.open(sealed, key, 'secret')).toBe('texté');
    expect(KEYS.marker).toBe('euejjaHHdunipyT_');
  });

  it('marks its secret without showing it', () => {
    expect(KEYS.marker).toMatch(/^[\w-]{16}$/);
    expect(KEYS.marker).toBe(new SharedKeys('the-secret-of-the-shared-store-0001').marker);
    expect(KEYS.marker).not.toBe(OTHERS.marker);
  });
});
