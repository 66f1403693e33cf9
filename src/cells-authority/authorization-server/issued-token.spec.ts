import fc from 'fast-check';
import { IssuedToken } from './issued-token.js';

const whitespace = fc.stringMatching(/^[ \t\r\n]{0,2}$/);
const members = fc.dictionary(
  fc
    .string({ maxLength: 8 })
    .filter((name) => !['access_token', 'token_type', 'expires_in', '__proto__'].includes(name)),
  fc.jsonValue({ maxDepth: 3 }),
  { maxKeys: 4 },
);

/** A token response with members of any kind around `expires_in`, written with any white space. */
const tokenResponses = fc
  .record({ before: members, after: members, seconds: fc.integer({ min: 1, max: 31_536_000 }), space: whitespace })
  .map(({ before, after, seconds, space }) => {
    const rest = Object.entries(after).filter(([name]) => !Object.hasOwn(before, name));
    const text = (entries: [string, unknown][]) =>
      entries.map(
        ([name, value]) => `${space}${JSON.stringify(name)}${space}:${space}${JSON.stringify(value, null, 1)}${space}`,
      );
    const parts = [...text(Object.entries({ ...before, access_token: 't', token_type: 'Bearer' })), ...text(rest)];
    const at = Object.keys(before).length;
    const lifetime = (value: number) => `${space}"expires_in"${space}:${space}${value}${space}`;
    const write = (value: number) => `{${parts.toSpliced(at, 0, lifetime(value)).join(',')}}`;
    return { seconds, write };
  });

describe('IssuedToken', () => {
  it('leaves a token response byte for byte unchanged, except expires_in', () => {
    fc.assert(
      fc.property(tokenResponses, fc.integer({ min: 0, max: 31_536_000 }), ({ seconds, write }, remaining) => {
        const token = IssuedToken.parse(write(seconds));
        expect(token?.lifetime).toBe(seconds);
        expect(token?.text).toBe(write(seconds));
        expect(token?.textWithExpiresIn(remaining)).toBe(write(remaining));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['"3600"', 3600, '3600'],
    ['3599.9', 3599, '3599'],
    ['1e3', 1000, '1000'],
  ])('writes expires_in %s as an integer', (expiresIn, lifetime, written) => {
    const token = IssuedToken.parse(`{"access_token":"t","expires_in":${expiresIn},"token_type":"Bearer"}`);
    expect(token?.lifetime).toBe(lifetime);
    expect(token?.text).toBe(`{"access_token":"t","expires_in":${written},"token_type":"Bearer"}`);
  });

  it.each(['0', '-5', '31536001', '"soon"', 'null', 'true', '{"a":1}', '"1e3"'])(
    'knows no lifetime for expires_in %s',
    (expiresIn) => {
      expect(
        IssuedToken.parse(`{"access_token":"t","token_type":"Bearer","expires_in":${expiresIn}}`)?.lifetime,
      ).toBeUndefined();
    },
  );

  it.each([
    '{"access_token":"t","token_type":"Bearer"}',
    '{"access_token":"t","token_type":"Bearer","nested":{"expires_in":60}}',
    '{"access_token":"t","token_type":"Bearer","expires_in":60,"expires_in":61}',
  ])('changes nothing in %s', (text) => {
    const token = IssuedToken.parse(text);
    expect(token?.lifetime).toBeUndefined();
    expect(token?.text).toBe(text);
  });

  it.each([
    '',
    '[]',
    'null',
    '"a"',
    '{"access_token":"t"}',
    '{"access_token":"","token_type":"b"}',
    '{"access_token":"t\\r\\nX-Evil: 1","token_type":"b"}',
    '{"access_token":"\\u007f","token_type":"b"}',
    '{"access_token":"é","token_type":"b"}',
    '{"access_token":1,"token_type":"b"}',
  ])('is not made of %p', (text) => {
    expect(IssuedToken.parse(text)).toBeUndefined();
  });

  it.each(['true', 'null', '{"a":1}', '[60]', '1e400', '9007199254740993', '"-60"', '"60 "', '" 60"', '"6e1"'])(
    'leaves expires_in %s as it is',
    (expiresIn) => {
      const text = `{"access_token":"t","token_type":"Bearer","expires_in":${expiresIn}}`;
      const token = IssuedToken.parse(text);
      expect([token?.lifetime, token?.text, token?.bytesOf(text)]).toEqual([undefined, text, text.length]);
    },
  );

  it('relays a lifetime that cannot be kept as an integer', () => {
    const token = IssuedToken.parse('{"access_token":"t","token_type":"Bearer","expires_in":"0"}');
    expect(token?.text).toBe('{"access_token":"t","token_type":"Bearer","expires_in":0}');
  });

  it('knows the bytes of its texts', () => {
    for (const more of ['plain', 'é€😀']) {
      const token = IssuedToken.parse(
        `{"a":"${more}","access_token":"t","token_type":"b","expires_in":3600,"b":"${more}"}`,
      );
      const text = token?.textWithExpiresIn(7) ?? '';
      expect(token?.bytesOf(text)).toBe(Buffer.byteLength(text));
    }
  });

  it('takes two copies of its text and one of the token in memory, twice as much unless it is plain ASCII', () => {
    const sizeOf = (more: string) =>
      IssuedToken.parse(`{"access_token":"1234567","token_type":"b","expires_in":3600,"more":"${more}"}`)?.size;
    const length = '{"access_token":"1234567","token_type":"b","expires_in":3600,"more":"x"}'.length;
    expect([sizeOf('x'), sizeOf('é')]).toEqual([2 * length + 7, 4 * length + 7]);
  });

  it('is not made of a list, even of one that has the members', () => {
    expect(IssuedToken.parse('[{"access_token":"t","token_type":"b"}]')).toBeUndefined();
  });
});
