import { PassThrough } from 'node:stream';
import { inspect } from 'node:util';
import { LeakScanner } from './leak-scanner.js';

const ID = '3f5a7c1e-9b2d-4e6f-8a10-5c7d9e1f2b34';
const SECRET = 'p+ß s/cr&t%"\\~=0f1e';
const HEX_SECRET = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';

const bytes = (text: string) => Buffer.from(text);
const base64 = (text: string) => bytes(text).toString('base64');

function leaksIn(output: string | Uint8Array, secret = SECRET) {
  const scanner = new LeakScanner().protectCredentials('the secret', ID, secret);
  scanner.add('stdout', `before ${'x'.repeat(100)} `);
  scanner.add('stdout', output);
  scanner.add('stdout', ' after');
  return scanner.leaks();
}

const lowerHexEscapes = (text: string) => text.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
const everyByteEscaped = (text: string) => bytes(text).toString('hex').replaceAll(/../g, '%$&');
const unicodeEscaped = (text: string) =>
  text.replaceAll(/[^]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

describe('LeakScanner finds a secret', () => {
  it.each<[name: string, form: string, output: string | Uint8Array]>([
    ['as it is', 'raw', SECRET],
    ['as bytes', 'raw', bytes(SECRET)],
    ['in a URI component', 'url-encoded', encodeURIComponent(SECRET)],
    ['in a URI component, lower case', 'url-encoded', lowerHexEscapes(encodeURIComponent(SECRET))],
    ['in a form', 'url-encoded', new URLSearchParams({ client_secret: SECRET }).toString()],
    ['in a form, lower case', 'url-encoded', lowerHexEscapes(new URLSearchParams({ a: SECRET }).toString())],
    ['with every byte escaped', 'url-encoded', everyByteEscaped(SECRET)],
    ['in a URL in a URL', 'url-encoded', encodeURIComponent(encodeURIComponent(SECRET))],
    [
      'in a form in JSON in JSON',
      'url-encoded',
      JSON.stringify(JSON.stringify(`"${new URLSearchParams({ a: SECRET }).toString()}"`)),
    ],
    ['in JSON', 'json-escaped', JSON.stringify({ secret: SECRET })],
    ['in JSON in JSON', 'json-escaped', JSON.stringify({ line: JSON.stringify({ secret: SECRET }) })],
    ['in JSON, as code points', 'json-escaped', unicodeEscaped(SECRET)],
    ['in base64', 'base64', base64(SECRET)],
    ['in base64, one byte on', 'base64', base64(`-${SECRET}-`)],
    ['in base64, two bytes on', 'base64', base64(`--${SECRET}--`)],
    ['in base64url', 'base64', bytes(`a?${SECRET}`).toString('base64url')],
    ['in base64, in lines', 'base64', base64(`${'y'.repeat(50)}${SECRET}`).replaceAll(/.{16}/g, '$&\r\n')],
    ['in base64, in a URL', 'base64', encodeURIComponent(base64(SECRET))],
    ['in HTTP Basic', 'base64 of id:secret', `Authorization: Basic ${base64(`${ID}:${SECRET}`)}`],
    ['in HTTP Basic, form-encoded', 'base64 of id:secret', base64(`${ID}:${encodeURIComponent(SECRET)}`)],
    ['in hex', 'hex', bytes(SECRET).toString('hex')],
    ['in hex, upper case', 'hex', bytes(SECRET).toString('hex').toUpperCase()],
    ['in an inspected Buffer', 'hex', inspect(bytes(SECRET))],
    ['as byte numbers', 'byte numbers', [...bytes(SECRET)].join(',')],
    ['as byte numbers with spaces', 'byte numbers', [...bytes(SECRET)].join(', ')],
    ['as byte numbers in lines', 'byte numbers', JSON.stringify([...bytes(SECRET)], null, 2)],
    ['as a Buffer in JSON', 'byte numbers', JSON.stringify({ body: bytes(SECRET) })],
    ['as a Uint8Array in JSON', 'byte numbers', JSON.stringify({ body: new Uint8Array(bytes(SECRET)) })],
    ['as an inspected Uint8Array', 'byte numbers', inspect(new Uint8Array(bytes(SECRET)))],
  ])('%s', (_name, form, output) => {
    expect(leaksIn(output)).toContainEqual({ source: 'stdout', label: 'the secret', form });
  });

  it('whatever else the form is, and names the plainest', () => {
    expect(leaksIn(`client_secret=${HEX_SECRET}`, HEX_SECRET)).toEqual([
      { source: 'stdout', label: 'the secret', form: 'raw' },
    ]);
  });

  it('split over two pieces, and only in the source it is in', () => {
    const scanner = new LeakScanner().protect('token', HEX_SECRET);
    scanner.add('stderr', HEX_SECRET.slice(0, 9));
    scanner.add('stdout', 'clean');
    scanner.add('stderr', HEX_SECRET.slice(9));

    expect(scanner.leaks()).toEqual([{ source: 'stderr', label: 'token', form: 'raw' }]);
  });

  it('in a stream', () => {
    const scanner = new LeakScanner().protect('token', HEX_SECRET);
    const stream = new PassThrough();
    scanner.watch('stdout', stream);
    stream.write(`{"token":"${HEX_SECRET}"}`);

    stream.read();
    expect(scanner.leaks()).toHaveLength(1);
  });

  it('among thousands, in megabytes, in seconds', () => {
    const scanner = new LeakScanner();
    for (let client = 0; client < 2_000; client += 1)
      scanner.protect(`client ${client}`, `secret-of-client-${client};`);
    scanner.add('stdout', '{"level":30,"time":1700000000000,"msg":"request completed","status":200}\n'.repeat(30_000));
    scanner.add('stdout', 'secret-of-client-1234;');

    expect(scanner.leaks()).toEqual([{ source: 'stdout', label: 'client 1234', form: 'raw' }]);
  });
});

describe('LeakScanner finds nothing', () => {
  it.each<[name: string, output: string]>([
    ['in clean text', 'Listening on http://127.0.0.1:3000, 100% ready\n'],
    ['in the client id alone', `{"client_id":"${ID}"} ${base64(ID)}`],
    ['in a part of the secret', `${SECRET.slice(0, -1)} ${SECRET.slice(1)}`],
    ['in another secret', encodeURIComponent(SECRET.toUpperCase())],
    ['in nothing', ''],
  ])('%s', (_name, output) => {
    expect(leaksIn(output)).toEqual([]);
  });

  it('and never prints what it looks for', () => {
    expect(JSON.stringify(leaksIn(SECRET))).not.toContain(SECRET.slice(0, 4));
    expect(inspect(new LeakScanner().protect('a', HEX_SECRET), { depth: 9 })).not.toContain(HEX_SECRET);
  });

  it('says how much it has searched', () => {
    const scanner = new LeakScanner();
    scanner.add('stdout', 'four');
    expect(scanner.bytes).toBe(4);
  });

  it('refuses a secret that is too short to tell from other text', () => {
    expect(() => new LeakScanner().protect('pin', '1234')).toThrow('"pin" is too short');
  });
});
